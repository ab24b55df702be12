"""lab.py - a whole Pawl installation in one folder: operator, server, devices.

Everything is a real process talking TLS over loopback: `pawl` signs and
publishes, `pawl-server` serves, each device is a `pawl-board` that boots real
images with `pawl-agent` inside. The demo and the end-to-end tests drive the
same object.

Every wait is for a condition with a deadline. Only processes that were
started here are ever signalled.
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = 'acme'
GROUP = 'field'


class LabError(Exception):
    """A step failed; the message says which command and what it printed."""


def wait_for(condition, seconds, what, poll=0.1):
    """Waits until condition() is truthy and returns that value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f'not within {seconds} s: {what}')
        time.sleep(poll)


def sha256_of(path, length=None):
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        left = length
        while left is None or left > 0:
            chunk = file.read(1 << 20 if left is None else min(1 << 20, left))
            if not chunk:
                break
            digest.update(chunk)
            if left is not None:
                left -= len(chunk)
    return digest.hexdigest()


class Device:
    """One device: a folder with its flash and a pawl-board that plays it."""

    def __init__(self, lab, device_id, hardware):
        self.lab = lab
        self.id = device_id
        self.hardware = hardware
        self.dir = lab.dir / 'devices' / device_id
        self.board = None

    def power_on(self):
        """Starts the board emulator; it boots what the slots hold."""
        log = open(self.dir / 'board.log', 'ab')
        self.board = subprocess.Popen(
            [self.lab.tool('board'), 'run', '--dir', self.dir, '--console', self.dir / 'console.log',
             '--watchdog-ms', str(self.lab.watchdog_ms)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def power_off(self, hard=False):
        if self.board is None:
            return
        self.board.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        self.board.wait(timeout=30)
        self.board = None

    def agent_pids(self):
        """Process ids of the agents that run inside this board."""
        found = []
        if self.board is None:
            return found
        for pid in descendants(self.board.pid):
            try:
                name = pathlib.Path(f'/proc/{pid}/comm').read_text().strip()
            except OSError:
                continue
            if name == 'pawl-agent':
                found.append(pid)
        return found

    def record(self):
        out = subprocess.run([self.lab.tool('board'), 'show', '--dir', self.dir, '--json'], check=True,
                             capture_output=True, text=True).stdout
        return json.loads(out)

    def show(self):
        return self.lab.pawl_json('device', 'show', self.id)

    def console(self, lines=20):
        try:
            text = (self.dir / 'console.log').read_text(errors='replace')
        except OSError:
            return ''
        return '\n'.join(text.splitlines()[-lines:])


def descendants(pid):
    """All processes below `pid`, from /proc."""
    found = []
    queue = [pid]
    while queue:
        parent = queue.pop()
        for task in pathlib.Path(f'/proc/{parent}/task').glob('*/children'):
            try:
                children = [int(child) for child in task.read_text().split()]
            except OSError:
                continue
            found += children
            queue += children
    return found


class Lab:
    """Operator's repository, server and devices in one folder."""

    def __init__(self, folder, build, poll_s=1, watchdog_ms=20000, probation_s=1):
        self.dir = pathlib.Path(folder).resolve()
        self.build = pathlib.Path(build).resolve()
        self.repo = self.dir / 'repository'
        self.server_dir = self.dir / 'server'
        self.images = self.dir / 'images'
        self.poll_s = poll_s
        self.watchdog_ms = watchdog_ms
        self.probation_s = probation_s
        self.server = None
        self.ports = None
        self.pins = []
        self.devices = {}
        for folder_ in (self.dir, self.images, self.dir / 'devices'):
            folder_.mkdir(parents=True, exist_ok=True)

    # --- tools ---

    def tool(self, name):
        return str({
            'pawl': self.build / 'programs/pawl/pawl',
            'server': self.build / 'programs/server/pawl-server',
            'agent': self.build / 'programs/agent/pawl-agent',
            'board': self.build / 'programs/board/pawl-board',
        }[name])

    def run(self, *command, check=True):
        command = [str(part) for part in command]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise LabError(f"{' '.join(command)}\nexit {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def pawl(self, *arguments, check=True):
        return self.run(self.tool('pawl'), '-C', self.repo, *arguments, check=check)

    def pawl_json(self, *arguments):
        return json.loads(self.pawl(*arguments, '--json').stdout)

    # --- operator and server ---

    def set_up(self):
        """Keys, repository, certificates, a running server."""
        report = json.loads(self.run(self.tool('server'), 'init', '--data', self.server_dir, '--json').stdout)
        self.pins = report['pins']
        self.pawl('repo', 'init', '--timestamp-key', self.server_dir / 'timestamp.pub.json')
        self.pawl('server', 'certify', '--csr', self.server_dir / 'tls.csr', '--name', 'localhost',
                  '--name', '127.0.0.1', '--out', self.server_dir / 'tls.pem')
        shutil.copy(self.repo / 'ca/ca.pem', self.server_dir / 'ca.pem')
        shutil.copy(self.repo / 'metadata/1.root.json', self.server_dir / 'root.json')
        self.configure_server(listen='127.0.0.1:0', **{'listen-operator': '127.0.0.1:0',
                                                       'poll-interval-s': self.poll_s})
        self.start_server()
        # The first start picks free ports; a restart has to come back on them.
        self.configure_server(listen=f"127.0.0.1:{self.ports['device']}",
                              **{'listen-operator': f"127.0.0.1:{self.ports['operator']}"})
        self.pawl('server', 'set-url', '--operator', f"https://127.0.0.1:{self.ports['operator']}")

    def configure_server(self, **settings):
        """Replaces settings in server.conf; other lines stay."""
        path = self.server_dir / 'server.conf'
        lines = path.read_text().splitlines() if path.exists() else []
        for key, value in settings.items():
            lines = [line for line in lines if line.split('=')[0].strip() != key]
            lines.append(f'{key} = {value}')
        path.write_text('\n'.join(lines) + '\n')

    def start_server(self):
        ports_file = self.server_dir / 'run/ports.json'
        ports_file.unlink(missing_ok=True)
        log = open(self.dir / 'server.log', 'ab')
        self.server = subprocess.Popen([self.tool('server'), 'run', '--data', self.server_dir],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

        def ready():
            if self.server.poll() is not None:
                tail = (self.dir / 'server.log').read_text(errors='replace')[-3000:]
                raise LabError(f'the server ended with {self.server.returncode}:\n{tail}')
            return ports_file.exists() and json.loads(ports_file.read_text())

        self.ports = wait_for(ready, 30, 'the server listens', poll=0.05)

    def stop_server(self, kill=False):
        if self.server is None:
            return None
        self.server.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        code = self.server.wait(timeout=30)
        self.server = None
        return code

    def add_product(self):
        self.pawl('product', 'add', PRODUCT, '--group', GROUP)

    # --- releases ---

    def build_image(self, version, seq, hardware, sec=1, fault=None, agent=None):
        out = self.images / f'{version}.{hardware}.img'
        command = [sys.executable, ROOT / 'tools/build_image.py', '--product', PRODUCT, '--version', version,
                   '--seq', seq, '--sec', sec, '--hardware-class', hardware,
                   '--agent', agent or self.tool('agent'), '--out', out]
        if fault:
            command += ['--fault', fault]
        self.run(*command)
        return out

    def release(self, version, seq, images, sec=1):
        """Signs and publishes a release: images is {hardware class: path}."""
        arguments = ['release', 'build', '--product', PRODUCT, '--version', version, '--seq', seq, '--sec', sec]
        for hardware, path in images.items():
            arguments += ['--image', f'{hardware}={path}']
        self.pawl(*arguments)
        self.pawl('release', 'publish')

    # --- devices ---

    def add_device(self, device_id, hardware, image, version, seq, sec=1, slot_size=None, group=GROUP,
                   claimed_hardware=None, start=True):
        """Registers a device, provisions its flash and switches it on."""
        device = Device(self, device_id, hardware)
        token = device.dir / 'token'
        device.dir.mkdir(parents=True)
        self.pawl('device', 'add', device_id, '--product', PRODUCT, '--hw', hardware, '--group', group,
                  '--token-out', token)
        command = [self.tool('board'), 'init', '--dir', device.dir, '--image', image, '--version', version,
                   '--seq', seq, '--sec', sec, '--hardware-class', claimed_hardware or hardware]
        if slot_size:
            command += ['--slot-size', slot_size]
        self.run(*command)
        self.provision(device, token, claimed_hardware or hardware, group)
        self.devices[device_id] = device
        if start:
            device.power_on()
        return device

    def provision(self, device, token, hardware, group):
        data = device.dir / 'data'
        state = data / 'state'
        (state / 'tuf').mkdir(parents=True, exist_ok=True)
        os.chmod(state, 0o700)
        shutil.copy(self.repo / 'metadata/1.root.json', state / 'tuf/root.json')
        shutil.copy(self.repo / 'ca/ca.pem', data / 'ca.pem')
        shutil.move(token, data / 'token')
        os.chmod(data / 'token', 0o600)
        (data / 'agent.conf').write_text('\n'.join([
            f"server-url = https://127.0.0.1:{self.ports['device']}",
            f"enrol-url = https://127.0.0.1:{self.ports['operator']}",
            f"server-pins = {','.join(self.pins)}",
            'ca-file = /data/ca.pem',
            f'device-id = {device.id}',
            f'product = {PRODUCT}',
            f'hardware-class = {hardware}',
            f'group = {group}',
            'state-dir = /data/state',
            'enrol-token-file = /data/token',
            'slot-a = /dev/slot_a',
            'slot-b = /dev/slot_b',
            'boot-record = /dev/boot-record',
            'reboot = system',
            'watchdog = /dev/watchdog',
            'health-dir = /etc/pawl/health.d',
            'health-timeout-s = 10',
            f'probation-s = {self.probation_s}',
            'poll-min-s = 1',
            'poll-max-s = 5',
            '']))

    def approve_all(self, count, seconds=120):
        """Issues certificates until `count` devices are enrolled."""
        def enrolled():
            self.pawl('device', 'approve', '--all')
            states = [d.get('pawl', {}).get('enrolment') for d in self.list_devices()]
            return states.count('issued') >= count

        wait_for(enrolled, seconds, f'{count} devices are enrolled', poll=0.3)

    def list_devices(self):
        listed = self.pawl_json('device', 'list')
        return listed['content'] if isinstance(listed, dict) else listed

    def wait_device(self, device_id, condition, seconds, what):
        return wait_for(lambda: (lambda d: d if condition(d) else None)(self.devices[device_id].show()),
                        seconds, f'{device_id}: {what}', poll=0.3)

    # --- the end ---

    def close(self):
        for device in self.devices.values():
            if device.board is not None:
                device.board.send_signal(signal.SIGTERM)
        for device in self.devices.values():
            if device.board is not None:
                try:
                    device.board.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    device.board.kill()
                    device.board.wait()
                device.board = None
        self.stop_server()
