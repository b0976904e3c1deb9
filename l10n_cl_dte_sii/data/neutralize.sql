-- A copy of a database signs nothing: neither certificates nor keys are left in it, and
-- its companies number their documents as Odoo does.
DELETE FROM ir_attachment
 WHERE res_model IN ('certificate.certificate', 'certificate.key')
   AND res_field IS NOT NULL;
UPDATE certificate_certificate SET pkcs12_password = NULL, private_key_id = NULL;
UPDATE certificate_key SET password = NULL;
UPDATE l10n_cl_dte_sii_caf SET key_id = NULL, node = NULL;
UPDATE res_company
   SET l10n_cl_dte_sii_environment = NULL, l10n_cl_dte_sii_certificate_id = NULL;
-- What waited is not sent from here; what was sent is not asked about.
UPDATE l10n_cl_dte_sii_sending SET next_at = NULL, results = NULL;
UPDATE l10n_cl_dte_sii_sending SET state = 'cancelled' WHERE state = 'ready';
