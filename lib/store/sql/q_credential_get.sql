-- PEM texts of one device.
SELECT csr, certificate FROM credential WHERE device_id = ?1;
