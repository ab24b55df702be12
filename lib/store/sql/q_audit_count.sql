-- How long the audit list is.
SELECT count(*) FROM audit;
