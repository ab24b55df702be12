"""SIGKILL at random moments: the agent, and the server, while updates run.

Afterwards every device runs the newest release, its slot holds the release's
bytes, and neither a state file nor the database is damaged.
"""
import pathlib
import random
import signal
import sqlite3
import threading
import time

import lab as labs

CLASSES = ('gw-a', 'gw-b')
DEVICES = 6


def kill_agents(lab, rng, budget, stop, count):
    """Kills agents one by one until the budget is used up or `stop` is set."""
    devices = list(lab.devices.values())
    while count['agent'] < budget and not stop.is_set():
        device = rng.choice(devices)
        time.sleep(rng.uniform(0, 0.25))
        for pid in device.agent_pids():
            try:
                signal.pidfd_send_signal(open_pid(pid), signal.SIGKILL)
                count['agent'] += 1
            except (ProcessLookupError, OSError):
                pass


def open_pid(pid):
    """A handle of the process: its id can not be reused under our hands."""
    import os
    return os.pidfd_open(pid)


def kill_server(lab, rng, budget, stop, count):
    while count['server'] < budget and not stop.is_set():
        time.sleep(rng.uniform(0.1, 1.0))
        if stop.is_set():
            return
        lab.stop_server(kill=True)
        count['server'] += 1
        lab.start_server()


def retry(action, seconds, what):
    """The operator's command line may meet a server that is just dead."""
    def attempt():
        try:
            return action() or True
        except labs.LabError:
            return None

    return labs.wait_for(attempt, seconds, what, poll=0.5)


def states_on(lab, version):
    try:
        return [d for d in lab.list_devices() if d['pawl']['version'] == version and d['pawl']['state'] == 'idle']
    except labs.LabError:
        return []


def one_round(lab, version, seq, rng, budgets, count):
    images = {hw: lab.build_image(version, seq, hw) for hw in CLASSES}
    lab.release(version, seq, images)
    lab.pawl('rollout', 'start', '--product', labs.PRODUCT, '--release', version, '--group', labs.GROUP,
             '--name', f'kill-{version}', '--stages', '100', '--budget', str(DEVICES))
    stop = threading.Event()
    # Kills stop when the devices are through, or when the round's time is up:
    # the update has to end with faults gone, not between two of them.
    killers = [threading.Thread(target=kill_agents, args=(lab, rng, budgets[0], stop, count)),
               threading.Thread(target=kill_server, args=(lab, random.Random(rng.random()), budgets[1], stop, count))]
    for killer in killers:
        killer.start()
    deadline = time.monotonic() + 45
    try:
        while time.monotonic() < deadline and len(states_on(lab, version)) < DEVICES:
            time.sleep(0.5)
    finally:
        stop.set()
        for killer in killers:
            killer.join()
    labs.wait_for(lambda: len(states_on(lab, version)) == DEVICES, 180, f'all devices run {version}', poll=0.5)
    return images


def check_device(lab, device, image):
    record = device.record()
    running = record['slots'][record['running']]
    assert running['state'] == 'good', record
    assert running['sha256'] == labs.sha256_of(image), f'{device.id}: the slot does not hold the release'
    state = (device.dir / 'data/state/agent.state').read_bytes()
    assert state, 'the state file is empty'
    log = (device.dir / 'console.log').read_text(errors='replace')
    for word in ('state.corrupt', 'AddressSanitizer', 'runtime error', 'pawl: bug at'):
        assert word not in log, f'{device.id}: {word}\n{device.console(40)}'


def test_kills_at_random_moments(lab, request):
    kills = request.config.getoption('--kills')
    server_kills = request.config.getoption('--server-kills')
    rng = random.Random(request.config.getoption('--seed'))
    count = {'agent': 0, 'server': 0}

    images = {hw: lab.build_image('1.0.0', 1, hw) for hw in CLASSES}
    lab.release('1.0.0', 1, images)
    for index in range(DEVICES):
        hardware = CLASSES[index % 2]
        lab.add_device(f'kill-{index}', hardware, images[hardware], '1.0.0', 1)
        # Slow enough that kills land in the middle of downloads.
        with (lab.devices[f'kill-{index}'].dir / 'data/agent.conf').open('a') as conf:
            conf.write('rate-limit-bytes-s = 4000000\n')
    lab.approve_all(DEVICES)
    labs.wait_for(lambda: len(states_on(lab, '1.0.0')) == DEVICES, 120, 'all devices run 1.0.0')

    seq = 1
    while count['agent'] < kills or count['server'] < server_kills:
        seq += 1
        assert seq < 60, f'too few kills landed: {count}'
        images = one_round(lab, f'{seq}.0.0', seq, rng, (kills, server_kills), count)
        print(f'round {seq - 1}: {count["agent"]} agent kills, {count["server"]} server kills', flush=True)

    for device in lab.devices.values():
        check_device(lab, device, images[device.hardware])
    assert lab.stop_server() == 0
    database = next(lab.server_dir.glob('*.db'))
    with sqlite3.connect(database) as connection:
        assert connection.execute('pragma integrity_check').fetchone() == ('ok',)
    check = lab.run(lab.tool('server'), 'check', '--data', lab.server_dir)
    assert check.returncode == 0
    server_log = (lab.dir / 'server.log').read_text(errors='replace')
    for word in ('AddressSanitizer', 'runtime error', 'pawl: bug at'):
        assert word not in server_log
    left = [path for device in lab.devices.values() for path in pathlib.Path(device.dir / 'data/state').rglob('*.tmp*')]
    assert len(left) <= DEVICES, f'temporary files pile up: {left}'
    lab.start_server()
