# SPDX-License-Identifier: MIT
"""A TUF repository in memory, signed with openssl(1): a second opinion on the format."""
import calendar
import datetime
import hashlib
import json
import pathlib
import subprocess

PRODUCT, HW, GROUP = 'acme', 'gw-a', 'field'


def canonical(value):
    """OLPC canonical JSON for what stands in our metadata."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


def moment(offset_s, base=None):
    base = base or datetime.datetime.utcnow()
    return (base + datetime.timedelta(seconds=offset_s)).strftime('%Y-%m-%dT%H:%M:%SZ')


class Key:
    def __init__(self, folder, name):
        self.path = pathlib.Path(folder) / f'{name}.pem'
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', self.path],
                       check=True, capture_output=True)
        der = subprocess.run(['openssl', 'pkey', '-in', self.path, '-pubout', '-outform', 'DER'],
                             check=True, capture_output=True).stdout
        self.public = {'keytype': 'ed25519', 'scheme': 'ed25519',
                       'keyval': {'public': der[-32:].hex()}}
        self.id = hashlib.sha256(canonical(self.public)).hexdigest()

    def sign(self, message):
        file = self.path.with_suffix('.msg')
        file.write_bytes(message)
        return subprocess.run(['openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', self.path,
                               '-in', file], check=True, capture_output=True).stdout.hex()


class Repository:
    def __init__(self, folder):
        self.keys = {name: Key(folder, name)
                     for name in ('root', 'targets', 'prod', 'chan', 'snapshot', 'timestamp')}
        self.version = 0
        self.counter = 0
        self.files = {}    # metadata file name -> bytes
        self.targets = {}  # target path as served -> bytes
        self.firmware, self.channels = {}, {}
        self.timestamp_expires_s = 86400
        self.entries = []
        root = self._root()
        self.root = self.files['1.root.json'] = self._sign(root, 'root')

    def _sign(self, signed, key):
        signature = self.keys[key].sign(canonical(signed))
        return json.dumps({'signatures': [{'keyid': self.keys[key].id, 'sig': signature}],
                           'signed': signed}).encode()

    def _base(self, kind, version, expires_s=30 * 86400):
        return {'_type': kind, 'spec_version': '1.0.31', 'version': version,
                'expires': moment(expires_s)}

    def _root(self):
        names = ('root', 'targets', 'snapshot', 'timestamp')
        return {**self._base('root', 1), 'consistent_snapshot': True,
                'keys': {self.keys[name].id: self.keys[name].public for name in names},
                'roles': {name: {'keyids': [self.keys[name].id], 'threshold': 1}
                          for name in names}}

    def add_release(self, version, seq, image, sec=1, hw=HW, approve=True, signed_length=None):
        digest = hashlib.sha256(image).hexdigest()
        length = len(image) if signed_length is None else signed_length
        path = f'fw/{PRODUCT}/{version}.{hw}.img'
        self.firmware[path] = {
            'length': length, 'hashes': {'sha256': digest},
            'custom': {'v': 1, 'kind': 'full', 'comp': 'rootfs', 'product': PRODUCT, 'hw': [hw],
                       'version': version, 'seq': seq, 'sec': sec,
                       'plain': {'length': length, 'sha256': digest}}}
        self.targets[f'fw/{PRODUCT}/{digest}.{version}.{hw}.img'] = image
        if approve:
            self.entries = [e for e in self.entries if hw not in e['hw']]
            self.entries.append({'comp': 'rootfs', 'hw': [hw], 'full': path, 'version': version,
                                 'seq': seq, 'sec': sec})
        return digest

    def publish(self):
        self.version += 1
        self.counter += 1
        v = self.version
        channel = canonical({'v': 1, 'counter': self.counter, 'product': PRODUCT, 'group': GROUP,
                             'set': self.entries})
        digest = hashlib.sha256(channel).hexdigest()
        self.targets[f'channel/{PRODUCT}/{digest}.{GROUP}.json'] = channel
        roles = {f'prod-{PRODUCT}': ('prod', self.firmware),
                 f'chan-{PRODUCT}': ('chan', {f'channel/{PRODUCT}/{GROUP}.json': {
                     'length': len(channel), 'hashes': {'sha256': digest}}})}
        meta = {}
        for role, (key, targets) in roles.items():
            self.files[f'{v}.{role}.json'] = self._sign(
                {**self._base('targets', v), 'targets': targets}, key)
            meta[f'{role}.json'] = {'version': v}
        paths = {f'prod-{PRODUCT}': f'fw/{PRODUCT}/*', f'chan-{PRODUCT}': f'channel/{PRODUCT}/*'}
        delegations = {
            'keys': {self.keys[key].id: self.keys[key].public for key in ('prod', 'chan')},
            'roles': [{'name': role, 'keyids': [self.keys[key].id], 'threshold': 1,
                       'terminating': True, 'paths': [paths[role]]}
                      for role, (key, _) in roles.items()]}
        self.files[f'{v}.targets.json'] = self._sign(
            {**self._base('targets', v), 'targets': {}, 'delegations': delegations}, 'targets')
        meta['targets.json'] = {'version': v}
        self.files[f'{v}.snapshot.json'] = snapshot = self._sign(
            {**self._base('snapshot', v), 'meta': meta}, 'snapshot')
        self.files['timestamp.json'] = self._sign({
            **self._base('timestamp', v, self.timestamp_expires_s), 'x-issued': moment(0),
            'meta': {'snapshot.json': {'version': v, 'length': len(snapshot), 'hashes': {
                'sha256': hashlib.sha256(snapshot).hexdigest()}}}}, 'timestamp')


def now_ms():
    return calendar.timegm(datetime.datetime.utcnow().timetuple()) * 1000
