-- A write transaction, taken at once.
BEGIN IMMEDIATE;
