-- A copy for tests asks nobody: no key, and nothing waits in the queue.
UPDATE l10n_cl_dte_ai_service
   SET key = NULL,
       health = 'unknown',
       health_reason = NULL,
       blocked_until = NULL;
WITH cancelled AS (
    UPDATE l10n_cl_dte_ai_validation
       SET state = 'cancelled',
           outcome = 'cancelled',
           next_attempt_at = NULL
     WHERE state IN ('pending', 'sending')
 RETURNING move_id, digest)
UPDATE account_move move
   SET l10n_cl_dte_ai_state = (
           SELECT 'outdated'
             FROM l10n_cl_dte_ai_validation answered
            WHERE answered.move_id = move.id AND answered.state = 'done'
            LIMIT 1),
       l10n_cl_dte_state = CASE move.l10n_cl_dte_state
           WHEN 'waiting' THEN 'ready'
           ELSE move.l10n_cl_dte_state
       END
  FROM cancelled
 WHERE cancelled.move_id = move.id
   AND cancelled.digest = move.l10n_cl_dte_ai_digest;
