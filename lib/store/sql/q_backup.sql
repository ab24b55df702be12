-- A consistent copy into a new file.
VACUUM INTO ?1;
