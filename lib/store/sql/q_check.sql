-- Is the file whole? One row, 'ok', when it is.
PRAGMA quick_check(1);
