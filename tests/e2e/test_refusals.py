"""A device refuses what it must, keeps running, says why, and goes on when
the cause is gone. The reasons are read as an operator reads them: from
`pawl device show`."""
import intruder
import lab as labs
import pytest

CLASSES = ('gw-a', 'gw-b')


@pytest.fixture(scope='module', name='fleet')
def two_devices(lab):
    images = {hw: lab.build_image('1.0.0', 1, hw) for hw in CLASSES}
    lab.release('1.0.0', 1, images)
    lab.add_device('ref-a', 'gw-a', images['gw-a'], '1.0.0', 1)
    lab.add_device('ref-b', 'gw-b', images['gw-b'], '1.0.0', 1)
    # Registered as gw-a at the server, but the board is a gw-x and knows it.
    lab.add_device('ref-x', 'gw-a', lab.build_image('1.0.0', 1, 'gw-x'), '1.0.0', 1, claimed_hardware='gw-x')
    lab.approve_all(3)
    for device in lab.devices:
        lab.wait_device(device, lambda d: d['pawl']['version'] == '1.0.0', 60, 'booted 1.0.0')
    lab.release('2.0.0', 2, {hw: lab.build_image('2.0.0', 2, hw) for hw in CLASSES})
    lab.pawl('channel', 'set', '--product', labs.PRODUCT, '--release', '2.0.0', '--group', labs.GROUP)
    return lab


@pytest.fixture(name='thief')
def somebody_owns_the_server(fleet):
    thief = intruder.Intruder(fleet)
    yield thief
    thief.restore()


def offer(lab, device_id, version):
    """Assigns a release and returns the device once this action has ended."""
    before = lab.devices[device_id].show()['pawl']['lastActionId']
    lab.pawl('device', 'assign', device_id, '--release', version)
    return lab.wait_device(device_id, lambda d: d['pawl']['lastActionId'] != before
                           and d['pawl']['state'] in ('failed', 'refused', 'idle'), 90, f'answers to {version}')


def assert_refused(lab, device_id, version, *words):
    shown = offer(lab, device_id, version)
    why = shown['pawl']['why'].lower()
    assert shown['pawl']['state'] in ('failed', 'refused'), shown['pawl']
    assert any(word in why for word in words), why
    assert shown['pawl']['version'] == '1.0.0'
    record = lab.devices[device_id].record()
    assert record['slots'][record['running']]['version'] == '1.0.0'
    print(f'{device_id} {version}: {shown["pawl"]["why"]}')


def test_wrong_hardware_class(fleet):
    assert_refused(fleet, 'ref-x', '2.0.0', 'hardware')


def test_expired_timestamp(fleet, thief):
    thief.expire_timestamp()
    assert_refused(fleet, 'ref-a', '2.0.0', 'expir')


def test_rolled_back_snapshot(fleet, thief):
    # The device has to know the newest one first.
    assert_refused(fleet, 'ref-a', '1.0.0', 'channel', 'older', 'same')
    thief.roll_back_snapshot()
    assert_refused(fleet, 'ref-a', '2.0.0', 'older', 'rollback')


def test_swapped_targets(fleet, thief):
    thief.swap_targets('2.0.0', 'gw-a', 'gw-b')
    assert_refused(fleet, 'ref-a', '2.0.0', 'hash', 'length', 'long')


def test_flipped_bit(fleet, thief):
    thief.flip_byte('2.0.0', 'gw-b')
    assert_refused(fleet, 'ref-b', '2.0.0', 'hash', 'match')


def test_unknown_key(fleet, thief):
    thief.forge_release('2.0.0', 'gw-b', fleet.images / '1.0.0.gw-a.img',
                        snapshot_key=fleet.repo / 'keys/snapshot.pem')
    assert_refused(fleet, 'ref-b', '2.0.0', 'signature')


def test_goes_on_when_the_cause_is_gone(fleet):
    # The thief's timestamp and snapshot were rightly signed, so devices that
    # saw them take nothing older: the operator has to go past them.
    for _ in range(2):
        fleet.pawl('repo', 'sign', 'prod-acme')
        fleet.pawl('repo', 'sign', 'snapshot')
        fleet.pawl('repo', 'publish')
    for device_id in ('ref-a', 'ref-b'):
        shown = offer(fleet, device_id, '2.0.0')
        assert shown['pawl']['state'] == 'idle', shown['pawl']
        assert shown['pawl']['version'] == '2.0.0'
        record = fleet.devices[device_id].record()
        running = record['slots'][record['running']]
        image = fleet.images / f"2.0.0.{fleet.devices[device_id].hardware}.img"
        assert running['sha256'] == labs.sha256_of(image)


def test_older_release_after_the_update(fleet):
    shown = offer(fleet, 'ref-a', '1.0.0')
    assert shown['pawl']['state'] in ('failed', 'refused')
    assert 'older' in shown['pawl']['why'] or 'channel' in shown['pawl']['why'], shown['pawl']
    assert shown['pawl']['version'] == '2.0.0'
