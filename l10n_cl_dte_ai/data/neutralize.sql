-- A copy for tests asks nobody: no key, and nothing waits in the queue.
UPDATE l10n_cl_dte_ai_service
   SET key = NULL,
       health = 'unknown',
       health_reason = NULL,
       blocked_until = NULL;
UPDATE l10n_cl_dte_ai_validation
   SET state = 'cancelled',
       outcome = 'cancelled',
       next_attempt_at = NULL
 WHERE state IN ('pending', 'sending');
