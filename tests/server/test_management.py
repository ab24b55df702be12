"""The management API: lists, errors that name the field, rollouts, audit."""
import pytest

FIELDS = {'controllerId': 'x1', 'name': 'n', 'description': 'd', 'product': 'acme', 'hardwareClass': 'gw-a',
          'group': 'field'}


@pytest.fixture(scope='module', name='ask')
def operator(kit):
    return kit.operator()


@pytest.mark.parametrize('field', sorted(FIELDS))
@pytest.mark.parametrize('value', [5, {}, 'x' * 2000])
def test_bad_device_fields_are_named(ask, field, value):
    answer = ask('POST', '/rest/v1/targets', [{**FIELDS, field: value}])
    assert answer.status == 400 and field in answer.json['message'], answer.body
    assert ask('GET', '/rest/v1/targets/x1').status == 404


@pytest.mark.parametrize('name', ['', '.hidden', 'a/b', 'a..b', 'ä', 'x' * 65, 'a b', 'a\n'])
def test_bad_names(ask, name):
    assert ask('POST', '/rest/v1/targets', [{'controllerId': name}]).status == 400


def test_all_or_nothing(ask):
    many = [{'controllerId': 'good1'}, {'controllerId': 'good2'}, {'controllerId': 'bad name'}]
    assert ask('POST', '/rest/v1/targets', many).status == 400
    assert ask('GET', '/rest/v1/targets/good1').status == 404
    assert ask('POST', '/rest/v1/targets', many[:2]).status == 201
    assert ask('POST', '/rest/v1/targets', many[:1]).status == 409
    for name in ('good1', 'good2'):
        assert ask('DELETE', f'/rest/v1/targets/{name}').status == 200
    assert ask('DELETE', '/rest/v1/targets/good1').status == 404


@pytest.mark.parametrize('body', ['', '{', '{}', 'null', '[1]', '[[]]', '"x"', '[' * 100, '\x00'])
def test_no_body_breaks_it(ask, body):
    assert ask('POST', '/rest/v1/targets', body).status == 400


def test_lists(ask):
    made = [{'controllerId': f'list{i:02}', 'group': 'a' if i % 2 else 'b'} for i in range(30)]
    assert ask('POST', '/rest/v1/targets', made).status == 201
    page = ask('GET', '/rest/v1/targets?offset=10&limit=5&q=controllerid==list*').json
    assert (page['total'], page['size']) == (30, 5)
    assert [d['controllerId'] for d in page['content']] == [f'list{i:02}' for i in range(10, 15)]
    assert ask('GET', '/rest/v1/targets?q=controllerid==list*%20and%20group==a').json['total'] == 15
    assert ask('GET', '/rest/v1/targets?q=colour==red').status == 400
    assert ask('GET', '/rest/v1/targets?limit=-1').status == 400
    assert ask('GET', '/rest/v1/targets?offset=99999999999999999999').status == 400
    assert ask('GET', '/rest/v1/targets?offset=1000').json['content'] == []


def test_status_and_userinfo(ask):
    status = ask('GET', '/rest/v1/pawl/status').json
    assert status['counts']['targets'] >= 0 and status['residentBytes'] > 0
    assert ask('GET', '/rest/v1/userinfo').json['tenant'] == 'DEFAULT'


def test_tokens(kit, ask):
    kit.lab.stop_server()
    token = kit.lab.run(kit.lab.tool('server'), 'token', 'add', 'script', '--data', kit.lab.server_dir).stdout.strip()
    kit.lab.start_server()
    anonymous = kit.anonymous()
    assert anonymous('GET', '/rest/v1/targets', headers={'Authorization': f'Bearer {token}'}).status == 200
    assert anonymous('GET', '/rest/v1/targets', headers={'Authorization': f'Bearer {token}x'}).status == 401
    assert anonymous('GET', '/rest/v1/targets', headers={'Authorization': 'Bearer '}).status == 401
    made = anonymous('POST', '/rest/v1/targets', [{'controllerId': 'bytoken'}],
                     {'Authorization': f'Bearer {token}'})
    assert made.status == 201
    ask.close()
    audit = ask('GET', '/rest/v1/pawl/audit?limit=1').json['content'][0]
    assert (audit['actor'], audit['action'], audit['object']) == ('token:script', 'target.create', 'bytoken')


@pytest.fixture(scope='module', name='fleet')
def released(kit):
    release = kit.release('1.0.0', 1, b'one' * 1000)
    for i in range(4):
        kit.operator()('POST', '/rest/v1/targets', [{'controllerId': f'r{i}', 'product': 'acme',
                                                     'hardwareClass': 'gw-a', 'group': 'field'}])
    return release


def rollout_body(fleet, **changes):
    return {'name': 'v1', 'distributionSetId': fleet, 'targetFilterQuery': 'group==field', 'type': 'forced',
            'groups': [{'name': 'first', 'targetPercentage': 25}, {'name': 'rest', 'targetPercentage': 100}],
            'successCondition': {'condition': 'THRESHOLD', 'expression': '100'},
            'errorCondition': {'condition': 'THRESHOLD', 'expression': '0'},
            'pawl': {'budget': {'base': 1, 'gainPermille': 1000}, 'silenceSeconds': 600, 'seed': '00ff'}, **changes}


@pytest.mark.parametrize('changes, word', [
    ({'name': ''}, 'name'), ({'name': 7}, 'name'), ({'distributionSetId': 'x'}, 'distributionSetId'),
    ({'distributionSetId': None}, 'distributionSetId'), ({'targetFilterQuery': 'nonsense'}, 'filter'),
    ({'targetFilterQuery': 'group==nobody'}, 'device'), ({'type': 'perhaps'}, 'type'), ({'groups': []}, 'groups'),
    ({'groups': 'two'}, 'groups'), ({'groups': [{'targetPercentage': 101}]}, 'targetPercentage'),
    ({'groups': [{'targetPercentage': 'all'}]}, 'targetPercentage'), ({'groups': None, 'amountGroups': 0}, 'amountGroups'),
    ({'successCondition': {'expression': '101'}}, 'successCondition'),
    ({'errorCondition': {'condition': 'LUCK', 'expression': '1'}}, 'errorCondition'),
    ({'pawl': {'budget': {'base': 0}}}, 'base'), ({'pawl': {'seed': 'xyz'}}, 'seed'),
    ({'pawl': {'silenceSeconds': -1}}, 'silenceSeconds'), ({'pawl': {'strata': 'moon'}}, 'strata')])
def test_bad_rollouts_name_the_field(ask, fleet, changes, word):
    answer = ask('POST', '/rest/v1/rollouts', rollout_body(fleet, **changes))
    assert answer.status == 400 and word.lower() in answer.json['message'].lower(), answer.body


def test_a_rollout(ask, fleet):
    assert ask('POST', '/rest/v1/rollouts', rollout_body(99999)).status == 404
    made = ask('POST', '/rest/v1/rollouts', rollout_body(fleet))
    assert made.status == 201, made.body
    rollout = made.json
    assert rollout['status'] == 'ready' and rollout['totalTargets'] == 4 and rollout['totalGroups'] == 2
    assert rollout['pawl']['strata'][0]['name'] == 'gw-a'
    assert ask('POST', '/rest/v1/rollouts', rollout_body(fleet)).status == 409
    path = f"/rest/v1/rollouts/{rollout['id']}"
    assert ask('POST', path + '/resume').status == 409
    assert ask('POST', path + '/start').status == 200
    assert ask('GET', path).json['status'] == 'running'
    groups = ask('GET', path + '/deploygroups').json
    assert [g['totalTargets'] for g in groups['content']] == [1, 3]
    assert ask('GET', path + '/deploygroups/2/targets').json['total'] == 3
    assert ask('GET', path + '/deploygroups/3').status == 404
    for verb, status in (('pause', 'paused'), ('resume', 'running'), ('stop', 'stopped')):
        assert ask('POST', f'{path}/{verb}').status == 200
        assert ask('GET', path).json['status'] == status
    assert ask('POST', path + '/start').status == 409
    assert ask('GET', '/rest/v1/rollouts').json['total'] == 1
    assert ask('GET', '/rest/v1/rollouts/77').status == 404
