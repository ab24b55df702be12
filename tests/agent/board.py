# SPDX-License-Identifier: MIT
"""The device around the agent: slot files, boot record, boot loader, settings."""
import hashlib
import os
import pathlib
import signal
import struct
import subprocess
import threading
import time
import zlib

STATES = ('empty', 'writing', 'staged', 'trial', 'good', 'bad')
REASONS = ('unknown', 'power-on', 'reboot', 'panic', 'watchdog', 'image-unreadable', 'fallback')
SECTOR, SIZE = 4096, 256
AGENT = os.environ.get('PAWL_AGENT', 'pawl-agent')


class BootRecord:
    """include/pawl/bootrec.h, read and written a second time."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def load(self):
        best = None
        data = self.path.read_bytes()
        for copy in (0, 1):
            raw = data[copy * SECTOR:copy * SECTOR + SIZE]
            if raw[:4] != b'PBRC' or struct.unpack('<I', raw[252:])[0] != zlib.crc32(raw[:252]):
                continue
            record = self.decode(raw)
            if best is None or record['sequence'] > best['sequence']:
                best = {**record, 'copy': copy}
        assert best is not None, 'no valid boot record'
        return best

    @staticmethod
    def decode(raw):
        slots = []
        for at in (24, 120):
            s = raw[at:at + 96]
            sec, seq, length = struct.unpack('<QQQ', s[4:28])
            slots.append({'state': STATES[s[0]], 'tries': s[1], 'failure': REASONS[s[2]],
                          'sec': sec, 'seq': seq, 'length': length, 'sha256': s[28:60].hex(),
                          'version': s[60:60 + s[3]].decode()})
        sequence, floor = struct.unpack('<QQ', raw[8:24])
        return {'sequence': sequence, 'floor': floor, 'running': raw[6],
                'reason': REASONS[raw[7]], 'slots': slots}

    @staticmethod
    def encode(record):
        raw = bytearray(SIZE)
        struct.pack_into('<4sHBBQQ', raw, 0, b'PBRC', 1, record['running'],
                         REASONS.index(record['reason']), record['sequence'], record['floor'])
        for at, s in zip((24, 120), record['slots']):
            version = s['version'].encode()
            struct.pack_into('<BBBBQQQ', raw, at, STATES.index(s['state']), s['tries'],
                             REASONS.index(s['failure']), len(version), s['sec'], s['seq'],
                             s['length'])
            raw[at + 28:at + 60] = bytes.fromhex(s['sha256'])
            raw[at + 60:at + 60 + len(version)] = version
        struct.pack_into('<I', raw, 252, zlib.crc32(bytes(raw[:252])))
        return bytes(raw)

    def store(self, record):
        record = {**record, 'sequence': record['sequence'] + 1}
        data = bytearray(self.path.read_bytes() if self.path.exists() else bytes(2 * SECTOR))
        copy = 1 - record.get('copy', 1)
        data[copy * SECTOR:copy * SECTOR + SIZE] = self.encode(record)
        self.path.write_bytes(data)


def empty_slot():
    return {'state': 'empty', 'tries': 0, 'failure': 'unknown', 'sec': 0, 'seq': 0, 'length': 0,
            'sha256': '0' * 64, 'version': ''}


class Board:
    def __init__(self, folder, server, pins, image, slot_size, root, extra=''):
        self.folder = pathlib.Path(folder)
        self.slots = [self.folder / 'slot-a', self.folder / 'slot-b']
        for path in self.slots:
            path.write_bytes(bytes(slot_size))
        with open(self.slots[0], 'r+b') as file:
            file.write(image)
        self.record = BootRecord(self.folder / 'boot-record')
        running = {**empty_slot(), 'state': 'good', 'tries': 3, 'sec': 1, 'seq': 1,
                   'length': len(image), 'sha256': hashlib.sha256(image).hexdigest(),
                   'version': '1.0.0'}
        self.record.store({'sequence': 0, 'floor': 1, 'running': 0, 'reason': 'power-on',
                           'slots': [running, empty_slot()]})
        self.state = self.folder / 'state'
        (self.state / 'tuf').mkdir(parents=True, mode=0o700)
        self.state.chmod(0o700)
        (self.state / 'tuf' / 'root.json').write_bytes(root)
        self.health = self.folder / 'health.d'
        self.health.mkdir()
        self.config = self.folder / 'agent.conf'
        self.settings = {
            'server-url': server.url, 'enrol-url': server.url, 'server-pins': ','.join(pins),
            'device-id': 'dev1', 'product': 'acme', 'hardware-class': 'gw-a', 'group': 'field',
            'state-dir': self.state, 'slot-a': self.slots[0], 'slot-b': self.slots[1],
            'enrol-token-file': self.folder / 'token', 'boot-record': self.record.path,
            'reboot': 'exit', 'health-dir': self.health, 'health-timeout-s': '2s',
            'probation-s': '300ms', 'poll-min-s': '200ms', 'poll-max-s': '1s'}
        self.process, self.lines = None, []
        self.environment = dict(os.environ)

    def give_identity(self):
        """A key and certificate as if enrolled; the scripted server does not look at it."""
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=dev1',
                        '-keyout', self.state / 'identity.key',
                        '-out', self.state / 'identity.crt'], check=True, capture_output=True)
        (self.state / 'identity.key').chmod(0o600)

    def add_check(self, name, script):
        path = self.health / name
        path.write_text(script)
        path.chmod(0o755)

    def start(self, prefix=()):
        self.config.write_text(''.join(f'{k} = {v}\n' for k, v in self.settings.items()))
        self.process = subprocess.Popen([*prefix, AGENT, '--config', self.config],
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        text=True, errors='replace', env=self.environment)
        threading.Thread(target=self._collect, args=(self.process,), daemon=True).start()

    def _collect(self, process):
        for line in process.stderr:
            self.lines.append(line)

    def log(self):
        return ''.join(self.lines)

    def boot_loader(self, ended='reboot'):
        """The table of pawl/slots.h for the cases that the tests need."""
        record = self.record.load()
        old = record['running']
        other = 1 - old
        slots, choice, reason = record['slots'], old, ended
        if slots[old]['state'] == 'trial' and slots[old]['tries'] == 0:
            slots[old].update(state='bad', failure=ended)
        if slots[other]['state'] == 'staged' and slots[other]['tries'] > 0:
            choice = other
        elif slots[old]['state'] == 'bad':
            choice, reason = other, 'fallback'
        if slots[choice]['state'] in ('staged', 'trial'):
            slots[choice].update(state='trial', tries=slots[choice]['tries'] - 1)
        record.update(running=choice, reason=reason)
        self.record.store(record)

    def wait(self, condition, what, timeout=40):
        """Until `condition()`; boots again whenever the agent asks for it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if condition():
                return
            code = self.process.poll()
            if code == 75:
                self.boot_loader()
                self.start()
            elif code is not None:
                raise AssertionError(f'the agent ended with {code}\n{self.log()}')
            time.sleep(0.02)
        raise AssertionError(f'{what}: not within {timeout} s\n{self.log()}')

    def alive(self):
        return self.process.poll() is None

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            return self.process.wait(timeout=20)
        return None

    def rss_kib(self):
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return {line.split()[0][:-1]: int(line.split()[1]) for line in status.splitlines()
                if line.startswith(('VmRSS', 'VmHWM'))}
