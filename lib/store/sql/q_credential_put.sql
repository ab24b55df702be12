-- PEM texts; an empty one leaves what is there.
INSERT INTO credential (device_id, csr, certificate) VALUES (?1, ?2, ?3)
ON CONFLICT (device_id) DO UPDATE SET csr = iif(excluded.csr = '', csr, excluded.csr),
    certificate = iif(excluded.certificate = '', certificate, excluded.certificate);
