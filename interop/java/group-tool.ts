// interop: `kafka-consumer-groups` line by line. What the tool says of Apache Kafka is kept in group-tool.json, with Kafka's version; on
// any other broker it has to say the same. Ids, hosts and ports are masked, and widths of columns left out.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { removeDirectory } from '../scenarios/broker.ts'
import type { Client } from '../scenarios/client.ts'
import type { Member } from '../scenarios/groups.ts'
import { assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually, type Run, text } from '../scenarios/run.ts'
import { RecordedLines } from './recorded-lines.ts'

const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
const deleteRecordsCommand = 'org.apache.kafka.tools.DeleteRecordsCommand'
const fixture = new URL('group-tool.json', import.meta.url)

/** `directory`: for files that the tool reads. */
type Bench = { run: Run; client: Client; directory: string; recorded: RecordedLines }

export async function groupTool(run: Run): Promise<void> {
  const client = run.clients.find((one) => one.can('tool', 'joinConsumerGroup'))
  if (!client) return
  const recorded = new RecordedLines(fixture, run)
  const directory = mkdtempSync(`${tmpdir()}/odradek-group-tool-`)
  const bench = { run, client, directory, recorded }
  try {
    await fill(bench)
    await withoutMembers(bench)
    await withMembers(bench)
    await resets(bench)
    await deletions(bench)
    await expressions(bench)
  } finally {
    removeDirectory(directory)
  }
  recorded.save()
}

// ---- the scenario

const topic = 'lines-topic'
const other = 'lines-other'
const idle = 'lines-idle'
const second = 'lines-second'
const classic = 'lines-classic'
const modern = 'lines-modern'
const mixed = 'lines-mixed'
const hourMs = 3_600_000

/** Records of 2020, of two hours ago and of now in partition 0, of 2020 in partition 1; the first record is deleted. */
async function fill({ run, client, directory }: Bench): Promise<void> {
  const { prefix } = run
  for (const name of [topic, other])
    await run.hands.call('createTopic', { topic: prefix + name, partitions: 2, configs: { 'retention.ms': '-1' } })
  const start = Date.UTC(2020, 0, 1)
  const now = Date.now()
  const times = [0, 1, 2, 3].map((minute) => start + minute * 60_000)
  const write = (name: string, partition: number, timestamps: number[]) =>
    client.call('produce', {
      topic: prefix + name,
      codec: 'none',
      records: timestamps.map((timestamp) => ({ partition, key: null, value: text('v'), headers: [], timestamp })),
    })
  await write(topic, 0, times)
  await write(topic, 0, [now - 2 * hourMs, now - 2 * hourMs])
  await write(topic, 0, [now])
  await write(topic, 1, times.slice(0, 2))
  await write(other, 0, times)
  const file = `${directory}/delete-records.json`
  writeFileSync(file, JSON.stringify({ partitions: [{ topic: prefix + topic, partition: 0, offset: 1 }] }))
  const args = ['--bootstrap-server', run.broker.bootstrap, '--offset-json-file', file]
  assertEqual(
    (await client.call('tool', { class: deleteRecordsCommand, args })).exit,
    0,
    'exit of DeleteRecordsCommand',
  )
  const commit = (group: string, name: string, offsets: number[]) =>
    client.call('commit', {
      group: prefix + group,
      topic: prefix + name,
      offsets: offsets.map((offset, partition) => ({ partition, offset, metadata: '' })),
    })
  await commit(idle, topic, [3, 1])
  await commit(idle, other, [4])
  await commit(second, other, [1, 0])
  // Members that start at the end find nothing to read, and commit what is committed.
  for (const group of [classic, modern, mixed]) await commit(group, topic, [7, 2])
}

async function withoutMembers(bench: Bench): Promise<void> {
  const of = (...groups: string[]) => groups.flatMap((group) => ['--group', group])
  await says(bench, 'describe', '--describe', ...of(idle))
  await says(bench, 'describe offsets', '--describe', '--offsets', ...of(idle))
  await says(bench, 'describe offsets verbose', '--describe', '--offsets', '--verbose', ...of(idle))
  await says(bench, 'describe members of none', '--describe', '--members', ...of(idle))
  await says(bench, 'describe state', '--describe', '--state', ...of(idle))
  await says(bench, 'describe state verbose', '--describe', '--state', '--verbose', ...of(idle))
  await says(bench, 'describe two groups', '--describe', ...of(idle, second))
  await says(bench, 'describe an unknown group', '--describe', ...of('lines-nobody'))
  await says(bench, 'describe members of an unknown group', '--describe', '--members', ...of('lines-nobody'))
  await says(bench, 'describe state of an unknown group', '--describe', '--state', ...of('lines-nobody'))
}

async function withMembers(bench: Bench): Promise<void> {
  const { run, client } = bench
  const member = (name: string): Member => ({ client, name: `${run.prefix}${name}` })
  const [one, two, three] = [member('lines-one'), member('lines-two'), member('lines-three')]
  const [four, five] = [member('lines-four'), member('lines-five')]
  const join = (group: string, { name }: Member, instanceId?: string) =>
    client.call('join', named(run, { group, topic, assignor: 'range', member: name, instanceId }))
  const joinModern = (group: string, { name }: Member, instanceId?: string) =>
    client.call('joinConsumerGroup', named(run, { group, topic, member: name, instanceId }))
  await join(classic, one, 'instance-one')
  await assigned([one])
  await join(classic, two)
  await joinModern(modern, three, 'instance-three')
  await join(mixed, four)
  await assigned([one, two])
  await assigned([three])
  await assigned([four])
  await joinModern(mixed, five)
  await assigned([four, five])
  for (const group of [classic, modern, mixed]) await settled(bench, group)

  for (const group of [classic, modern, mixed]) {
    const about = (...args: string[]) => ['--describe', ...args, '--group', group]
    await says(bench, `${group}: describe`, ...about())
    await says(bench, `${group}: describe offsets verbose`, ...about('--offsets', '--verbose'))
    await says(bench, `${group}: describe members`, ...about('--members'))
    await says(bench, `${group}: describe members verbose`, ...about('--members', '--verbose'))
    await says(bench, `${group}: describe state`, ...about('--state'))
    await says(bench, `${group}: describe state verbose`, ...about('--state', '--verbose'))
  }
  for (const args of [[], ['--members'], ['--members', '--verbose'], ['--state'], ['--state', '--verbose']]) {
    const groups =
      args.includes('--members') && args.includes('--verbose')
        ? ['--group', classic, '--group', modern]
        : ['--all-groups']
    await says(bench, ['describe all groups', ...args].join(' '), '--describe', ...args, ...groups)
  }
  await lists(bench)
  await says(bench, 'reset of a group with members', ...reset(modern, '--to-earliest', '--topic', topic, '--execute'))
  await says(bench, 'delete a group with members', '--delete', '--group', classic)
  await says(bench, 'delete a consumer group with members', '--delete', '--group', modern)
  await says(bench, 'delete offsets of a subscribed topic', '--delete-offsets', '--group', classic, '--topic', topic)
  await says(
    bench,
    'delete offsets of a topic subscribed in a consumer group',
    '--delete-offsets',
    '--group',
    modern,
    '--topic',
    topic,
  )
  for (const { name } of [one, two, three, four, five]) await client.call('leave', { member: name })
  await says(bench, 'describe members while a static one is away', '--describe', '--members', '--group', modern)
  await says(bench, 'describe state while a static member is away', '--describe', '--state', '--group', modern)
  await says(bench, 'delete while a static member is away', '--delete', '--group', modern)
  await says(bench, 'delete a former consumer group', '--delete', '--group', mixed)
}

async function lists(bench: Bench): Promise<void> {
  const states = ['stable', 'empty', 'Stable,Empty', 'dead', 'assigning', 'nonsense']
  await says(bench, 'list', '--list')
  await says(bench, 'list with states', '--list', '--state')
  await says(bench, 'list with types', '--list', '--type')
  await says(bench, 'list with states and types', '--list', '--state', '--type')
  for (const state of states) await says(bench, `list by state ${state}`, '--list', '--state', state)
  for (const type of ['classic', 'consumer', 'Classic,Consumer', 'share', 'nonsense'])
    await says(bench, `list by type ${type}`, '--list', '--type', type)
  await says(bench, 'list by state and type', '--list', '--state', 'empty', '--type', 'classic')
}

const reset = (group: string, ...args: string[]) => ['--reset-offsets', '--group', group, ...args]

async function resets(bench: Bench): Promise<void> {
  const modes: [string, ...string[]][] = [
    ['--to-earliest'],
    ['--to-latest'],
    ['--to-offset', '2'],
    ['--to-offset', '0'],
    ['--to-offset', '100'],
    ['--shift-by', '1'],
    ['--shift-by', '-1'],
    ['--shift-by', '100'],
    ['--shift-by', '-100'],
    ['--by-duration', 'PT1H'],
    ['--by-duration', 'P1D'],
    ['--to-datetime', '2020-01-01T00:01:30.000'],
    ['--to-datetime', '2020-01-01T01:01:30.000+01:00'],
    ['--to-datetime', '2019-01-01T00:00:00.000Z'],
    ['--to-datetime', 'yesterday'],
    ['--to-current'],
  ]
  for (const mode of modes) {
    await says(bench, `reset ${mode.join(' ')}, dry run`, ...reset(idle, ...mode, '--topic', topic, '--dry-run'))
    await says(bench, `reset ${mode.join(' ')}`, ...reset(idle, ...mode, '--topic', topic, '--execute'))
    await says(bench, `after reset ${mode.join(' ')}`, '--describe', '--group', idle)
  }
  await says(bench, 'reset without a choice', ...reset(idle, '--to-earliest', '--topic', topic))
  await says(bench, 'reset one partition', ...reset(idle, '--to-latest', '--topic', `${topic}:1`, '--execute'))
  await says(bench, 'reset all topics', ...reset(idle, '--to-earliest', '--all-topics', '--dry-run'))
  await says(bench, 'reset two groups', ...reset(idle, '--group', second, '--to-latest', '--all-topics', '--execute'))
  await says(bench, 'reset a new group', ...reset('lines-new', '--to-latest', '--topic', other, '--execute'))
  await says(bench, 'after reset of a new group', '--describe', '--group', 'lines-new')
  await says(bench, 'reset on an unknown topic', ...reset(idle, '--to-latest', '--topic', 'lines-nothing', '--execute'))
  await says(
    bench,
    'reset on an unknown partition',
    ...reset(idle, '--to-latest', '--topic', `${topic}:9`, '--execute'),
  )
  await says(bench, 'export of one group', ...reset(idle, '--to-current', '--all-topics', '--export', '--dry-run'))
  const two = reset(idle, '--group', second, '--to-current', '--all-topics', '--export', '--dry-run')
  await says(bench, 'export of two groups', ...two)
  const { prefix } = bench.run
  const from = async (name: string, lines: string[], ...args: string[]) => {
    const file = `${bench.directory}/offsets.csv`
    writeFileSync(file, `${lines.join('\n')}\n`)
    await says(bench, `reset from a file: ${name}`, '--reset-offsets', ...args, '--from-file', file)
  }
  await from('one group, dry run', [`${prefix}${topic},0,2`, `${prefix}${topic},1,1`], '--group', idle, '--dry-run')
  await from('one group', [`${prefix}${topic},0,2`, `${prefix}${topic},1,1`], '--group', idle, '--execute')
  await from('out of range', [`${prefix}${topic},0,0`, `${prefix}${topic},1,9`], '--group', idle, '--execute')
  const lines = [`${prefix}${idle},${prefix}${topic},0,3`, `${prefix}${second},${prefix}${other},0,2`]
  await from('two groups', lines, '--group', idle, '--group', second, '--execute')
  await says(bench, 'after resets from files', '--describe', '--group', idle, '--group', second)
}

async function deletions(bench: Bench): Promise<void> {
  const offsets = (group: string, name: string) => ['--delete-offsets', '--group', group, '--topic', name]
  await says(bench, 'delete offsets of one partition', ...offsets(idle, `${topic}:1`))
  await says(bench, 'after delete offsets of one partition', '--describe', '--group', idle)
  await says(bench, 'delete offsets of a topic', ...offsets(idle, topic))
  await says(bench, 'delete offsets that are not there', ...offsets(idle, topic))
  await says(bench, 'delete offsets of an unknown topic', ...offsets(idle, 'lines-nothing'))
  await says(bench, 'delete offsets of an unknown group', ...offsets('lines-nobody', topic))
  await says(bench, 'after delete offsets', '--describe', '--group', idle)
  await says(bench, 'delete', '--delete', '--group', second)
  await says(bench, 'delete a group that is gone', '--delete', '--group', second)
  await says(bench, 'delete one that is there and one that is not', '--delete', '--group', idle, '--group', second)
  await says(bench, 'list of what is left', '--list', '--type')
}

async function expressions(bench: Bench): Promise<void> {
  for (const expression of ['lines-.*', '(a|b', 'a{1001}', '(?i)lines-[a-z]+', '(?=a)b'])
    await says(bench, `validate regex ${expression}`, '--validate-regex', expression)
}

// ---- members

type Joining = { group: string; topic: string; member: string; instanceId: string | undefined }

function named<T extends Joining>({ prefix }: Run, { instanceId, ...joining }: T) {
  const ids = { ...joining, group: prefix + joining.group, topic: prefix + joining.topic }
  return instanceId === undefined ? ids : { ...ids, instanceId: prefix + instanceId }
}

async function assigned(members: Member[]): Promise<void> {
  const all = () => Promise.all(members.map(({ client, name }) => client.call('assignment', { member: name })))
  const isEven = (owned: number[][]) => owned.flat().sort().join() === '0,1' && owned.every(({ length }) => length > 0)
  await eventually(all, isEven, 'assignment')
}

const settled = ({ run, client }: Bench, group: string) =>
  eventually(
    () => client.call('describeGroup', { group: run.prefix + group }),
    ({ state }) => state.toLowerCase() === 'stable',
    `state of ${group}`,
  )

// ---- lines

/** One use of the tool: recorded, or compared with what was recorded under `name`. */
async function says(bench: Bench, name: string, ...args: string[]): Promise<void> {
  const { run, client, recorded } = bench
  await checkClient(run, client, `ConsumerGroupCommand: ${name}`, async () => {
    const own = args.map((arg) => (arg.startsWith('lines-') && args[0] !== '--validate-regex' ? run.prefix + arg : arg))
    const to = args[0] === '--validate-regex' ? [] : ['--bootstrap-server', run.broker.bootstrap]
    const { exit, stdout, stderr } = await client.call('tool', { class: groupCommand, args: [...to, ...own] })
    recorded.take(name, { exit, lines: [...linesOf(stdout, run, args), ...linesOf(stderr, run, args)] })
  })
}

/**
 * The tool takes the order of groups, partitions and members from hash maps: they are sorted behind their heading. What it prints of its
 * own stack and of its options is left out, and in lists of all groups those of other scenarios.
 */
function linesOf(output: string, { prefix, broker }: Run, args: string[]): string[] {
  const isOfAll = args[0] === '--list' || args.includes('--all-groups')
  const isHeading = (line: string) => /^(GROUP|TOPIC) /.test(line)
  const isOther = (line: string) => !line.startsWith('lines-') && !isHeading(line)
  const lines = output
    .replace(/^Option +Description[\s\S]*/m, '')
    .replaceAll(broker.bootstrap, 'HOST:PORT')
    .replaceAll(prefix, '')
    .split('\n')
    .filter((line) => !/^\s*(at |\.\.\. \d+ more|$)/.test(line))
    .map(masked)
    .filter((line) => !isOfAll || !isOther(line) || /\b(Error|lines-|[Vv]alid)/.test(line))
  const headings = args.includes('--all-groups') ? headingsOfOwn(lines, isHeading) : lines.filter(isHeading)
  return [...new Set(headings.sort()), ...lines.filter((line) => !isHeading(line)).sort()]
}

/** Each group has a heading of its own, by what its members have: those of other scenarios' groups tell nothing. */
function headingsOfOwn(lines: readonly string[], isHeading: (line: string) => boolean): string[] {
  let heading = ''
  const found: string[] = []
  for (const line of lines) {
    if (isHeading(line)) heading = line
    else if (line.startsWith('lines-')) found.push(heading)
  }
  return found
}

const masked = (line: string): string =>
  line
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/consumer-(lines-\w+)-\d+/g, 'consumer-$1-N')
    .replaceAll(/(?<=^|\s)(?!consumer-)[\w-]{22}(?=\s|$)/g, 'UUID')
    .replaceAll(/\s\/[\da-f.:]+/g, ' /HOST')
    .replace(/(Valid \w+ are: )(.*)/, (_, what: string, names: string) => what + names.split(', ').sort().join(', '))
    .replaceAll(/\s+/g, ' ')
    .trim()
