"""intruder.py - what somebody can do who owns the fleet server.

Has the server's disk and its timestamp key, nothing else. Signs with the
openssl command line, so that nothing of ours vouches for the forgery.
"""
import base64
import datetime
import hashlib
import json
import pathlib
import subprocess
import tempfile


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def timestamp_text(moment):
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def sign(key_file, data):
    """Signature of `data` as TUF wants it, by the key in a PEM file."""
    kind = subprocess.run(['openssl', 'pkey', '-in', key_file, '-noout', '-text'], check=True,
                          capture_output=True, text=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        message = pathlib.Path(folder) / 'message'
        message.write_bytes(data)
        if 'ED25519' in kind.upper():
            command = ['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', key_file, '-in', message]
        else:
            command = ['openssl', 'dgst', '-sha256', '-sign', key_file, message]
        return subprocess.run(command, check=True, capture_output=True).stdout.hex()


def public_key(key_file):
    """TUF key object of an Ed25519 PEM private key."""
    der = subprocess.run(['openssl', 'pkey', '-in', key_file, '-pubout', '-outform', 'DER'], check=True,
                         capture_output=True).stdout
    return {'keytype': 'ed25519', 'scheme': 'ed25519', 'keyval': {'public': der[-32:].hex()}}


def key_id(key):
    return hashlib.sha256(canonical(key)).hexdigest()


class Intruder:
    """Changes what the server serves, as its owner could."""

    def __init__(self, lab):
        self.lab = lab
        self.metadata = lab.server_dir / 'repository/metadata'
        self.targets = lab.server_dir / 'repository/targets'
        self.saved = {}

    def save(self, path):
        if path not in self.saved:
            self.saved[path] = path.read_bytes() if path.exists() else None

    def write(self, path, data):
        self.save(path)
        temporary = path.with_name(path.name + '.intruder')
        temporary.write_bytes(data)
        temporary.rename(path)

    def restore(self):
        """Puts every changed file back."""
        for path, data in self.saved.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(data)
        self.saved = {}

    def target_file(self, version, hardware):
        found = list((self.targets / 'fw/acme').glob(f'*.{version}.{hardware}.img'))
        assert len(found) == 1, found
        return found[0]

    def flip_byte(self, version, hardware, at=5_000_000):
        path = self.target_file(version, hardware)
        data = bytearray(path.read_bytes())
        data[at] ^= 0x01
        self.write(path, bytes(data))

    def swap_targets(self, version, one, other):
        first, second = self.target_file(version, one), self.target_file(version, other)
        one_data, other_data = first.read_bytes(), second.read_bytes()
        self.write(first, other_data)
        self.write(second, one_data)

    def timestamp(self):
        return json.loads((self.metadata / 'timestamp.json').read_text())

    def sign_timestamp(self, change):
        """A new timestamp, one version up, changed by `change(signed)`, signed by the real key."""
        signed = self.timestamp()['signed']
        signed['version'] += 1
        change(signed)
        key_file = self.lab.server_dir / 'timestamp.key'
        identity = json.loads((self.lab.server_dir / 'timestamp.pub.json').read_text())
        keyid = identity.get('keyid') or key_id(identity)
        envelope = {'signatures': [{'keyid': keyid, 'sig': sign(key_file, canonical(signed))}], 'signed': signed}
        self.write(self.metadata / 'timestamp.json', canonical(envelope))

    def expire_timestamp(self):
        self.sign_timestamp(lambda signed: signed.update(
            expires=timestamp_text(now() - datetime.timedelta(hours=1))))

    def roll_back_snapshot(self, versions=1):
        """Points a fresh, rightly signed timestamp at an older snapshot."""
        def older(signed):
            meta = signed['meta']['snapshot.json']
            meta['version'] -= versions
            data = (self.metadata / f"{meta['version']}.snapshot.json").read_bytes()
            if 'length' in meta:
                meta['length'] = len(data)
            if 'hashes' in meta:
                meta['hashes'] = {'sha256': hashlib.sha256(data).hexdigest()}
        self.sign_timestamp(older)

    def forge_release(self, version, hardware, image, snapshot_key=None):
        """Serves an image that a key of the intruder's own signed.

        Replaces the target's hash in the product's metadata, signs that with
        a new key under the right key ids, and makes snapshot and timestamp
        follow. With `snapshot_key` the intruder has stolen that key as well
        and only the product's signatures stand in the way.
        """
        data = pathlib.Path(image).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        with tempfile.TemporaryDirectory() as folder:
            foreign = pathlib.Path(folder) / 'foreign.pem'
            subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', foreign], check=True)
            newest = max(self.metadata.glob('*.prod-acme.json'), key=lambda p: int(p.name.split('.')[0]))
            role = json.loads(newest.read_text())
            path = f'fw/acme/{version}.{hardware}.img'
            entry = role['signed']['targets'][path]
            entry['length'] = len(data)
            entry['hashes'] = {'sha256': digest}
            entry['custom']['plain'] = {'length': len(data), 'sha256': digest}
            role['signed']['version'] += 1
            role['signatures'] = [{'keyid': signature['keyid'], 'sig': sign(foreign, canonical(role['signed']))}
                                  for signature in role['signatures']]
            role_data = canonical(role)
            self.write(self.metadata / f"{role['signed']['version']}.prod-acme.json", role_data)
            snapshot_path = max(self.metadata.glob('*.snapshot.json'), key=lambda p: int(p.name.split('.')[0]))
            snapshot = json.loads(snapshot_path.read_text())
            meta = snapshot['signed']['meta']['prod-acme.json']
            meta['version'] = role['signed']['version']
            if 'length' in meta:
                meta['length'] = len(role_data)
            if 'hashes' in meta:
                meta['hashes'] = {'sha256': hashlib.sha256(role_data).hexdigest()}
            snapshot['signed']['version'] += 1
            snapshot['signatures'] = [{'keyid': signature['keyid'],
                                       'sig': sign(snapshot_key or foreign, canonical(snapshot['signed']))}
                                      for signature in snapshot['signatures']]
            snapshot_data = canonical(snapshot)
            self.write(self.metadata / f"{snapshot['signed']['version']}.snapshot.json", snapshot_data)

        def follow(signed):
            entry = signed['meta']['snapshot.json']
            entry['version'] = snapshot['signed']['version']
            if 'length' in entry:
                entry['length'] = len(snapshot_data)
            if 'hashes' in entry:
                entry['hashes'] = {'sha256': hashlib.sha256(snapshot_data).hexdigest()}
        self.sign_timestamp(follow)
        self.write(self.targets / 'fw/acme' / f'{digest}.{version}.{hardware}.img', data)


def pin_of(cert_file):
    """Base64 SHA-256 of a certificate's public key, by openssl."""
    pem = subprocess.run(['openssl', 'x509', '-in', cert_file, '-noout', '-pubkey'], check=True,
                         capture_output=True).stdout
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=pem, check=True,
                         capture_output=True).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()
