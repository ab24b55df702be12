-- A new file: marks it as ours ("Pawl" in ASCII) before the migrations run.
PRAGMA application_id = 1348564844;
