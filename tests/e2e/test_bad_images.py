"""Images that are signed and wrong: the device comes back by itself and the
operator sees why."""
import lab as labs
import pytest


@pytest.fixture(scope='module', name='fleet')
def one_device(lab):
    lab.watchdog_ms = 4000
    image = lab.build_image('1.0.0', 1, 'gw-b')
    lab.release('1.0.0', 1, {'gw-b': image})
    lab.add_device('bad-1', 'gw-b', image, '1.0.0', 1)
    lab.approve_all(1)
    lab.wait_device('bad-1', lambda d: d['pawl']['version'] == '1.0.0', 60, 'booted 1.0.0')
    return lab


@pytest.mark.parametrize('seq, fault, words', [
    (2, 'init-crash-on=gw-b', ('panic', 'init')),
    (3, 'hang', ('watchdog',)),
    (4, 'unhealthy', ('health',)),
])
def test_falls_back_and_says_why(fleet, seq, fault, words):
    version = f'{seq}.0.0'
    fleet.release(version, seq, {'gw-b': fleet.build_image(version, seq, 'gw-b', fault=fault)})
    fleet.pawl('rollout', 'start', '--product', labs.PRODUCT, '--release', version, '--group', labs.GROUP,
               '--name', f'bad-{seq}', '--stages', '100')
    shown = fleet.wait_device('bad-1', lambda d: d['pawl']['state'] == 'failed'
                               and f'acme {version}' in d['pawl']['why'], 120, f'fails {version}')
    assert shown['pawl']['version'] == '1.0.0'
    assert any(word in shown['pawl']['why'].lower() for word in words), shown['pawl']['why']
    status = fleet.pawl_json('rollout', 'status', f'bad-{seq}')
    assert status['status'] == 'paused', status
    assert status['pawl']['strata'][0]['state'] == 'halted'
    record = fleet.devices['bad-1'].record()
    assert record['slots'][record['running']]['version'] == '1.0.0'
    print(f"{fault}: {shown['pawl']['why']}")


def test_a_good_release_still_goes_through(fleet):
    image = fleet.build_image('5.0.0', 5, 'gw-b')
    fleet.release('5.0.0', 5, {'gw-b': image})
    fleet.pawl('rollout', 'start', '--product', labs.PRODUCT, '--release', '5.0.0', '--group', labs.GROUP,
               '--name', 'good-5', '--stages', '100')
    fleet.wait_device('bad-1', lambda d: d['pawl']['version'] == '5.0.0' and d['pawl']['state'] == 'idle', 120,
                      'runs 5.0.0')
