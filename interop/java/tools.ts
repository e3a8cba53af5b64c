// interop: Kafka's own command-line tools, as a person would use them: each does its work and says so in its words.
import type { Client } from '../scenarios/client.ts'
import { assert, assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually, type Run } from '../scenarios/run.ts'

const topicCommand = 'org.apache.kafka.tools.TopicCommand'
const consoleProducer = 'org.apache.kafka.tools.ConsoleProducer'
const consoleConsumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
const groupCommand = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
const getOffsetShell = 'org.apache.kafka.tools.GetOffsetShell'
const brokerApiVersions = 'org.apache.kafka.tools.BrokerApiVersionsCommand'
const logDirs = 'org.apache.kafka.tools.LogDirsCommand'
const configCommand = 'kafka.admin.ConfigCommand'
const clusterTool = 'org.apache.kafka.tools.ClusterTool'

export async function tools(run: Run): Promise<void> {
  const client = run.clients.find((one) => one.can('tool'))
  if (!client) return
  const names = { topic: `${run.prefix}tools`, group: `${run.prefix}tools-group` }
  await topicTool(run, client, names)
  await consoleTools(run, client, names)
  await groupTool(run, client, names)
  await brokerTools(run, client, names)
}

type Names = { topic: string; group: string }

/** Runs a tool to its end; its standard output. Fails when it ends with another status than 0. */
async function use(run: Run, client: Client, tool: string, args: string[], stdin?: string): Promise<string> {
  const all = ['--bootstrap-server', run.broker.bootstrap, ...args]
  const { exit, stdout, stderr } = await client.call('tool', { class: tool, args: all, ...(stdin ? { stdin } : {}) })
  if (exit !== 0) throw new Error(`it ended with ${exit}: ${stderr} ${stdout}`)
  return stdout
}

function has(output: string, ...wanted: (string | RegExp)[]): void {
  for (const one of wanted) {
    const found = typeof one === 'string' ? output.includes(one) : one.test(output)
    assert(found, `no ${one} in: ${output.slice(0, 400)}`)
  }
}

async function topicTool(run: Run, client: Client, { topic }: Names): Promise<void> {
  const topics = (...args: string[]) => use(run, client, topicCommand, args)
  await checkClient(run, client, 'TopicCommand --create', async () => {
    has(
      await topics('--create', '--topic', topic, '--partitions', '3', '--config', 'retention.ms=3600000'),
      `Created topic ${topic}.`,
    )
  })
  await checkClient(run, client, 'TopicCommand --create of a topic that is there fails', async () => {
    const failed = await topics('--create', '--topic', topic).catch((error) => (error as Error).message)
    has(failed, 'already exists')
  })
  await checkClient(run, client, 'TopicCommand --list', async () => {
    const listed = async () => (await topics('--list')).split('\n').includes(topic)
    await eventually(listed, (found) => found, 'topic in the list', 10_000)
  })
  await checkClient(run, client, 'TopicCommand --describe', async () => {
    const described = await topics('--describe', '--topic', topic)
    has(described, /PartitionCount: 3\b/, /ReplicationFactor: 1\b/, /Configs: .*retention\.ms=3600000/)
    assertEqual(described.match(/Partition: \d\tLeader: \d+\tReplicas: \d+\tIsr: \d+/g)?.length, 3, 'partition lines')
  })
  await checkClient(run, client, 'TopicCommand --alter --partitions', async () => {
    await topics('--alter', '--topic', topic, '--partitions', '4')
    const described = () => topics('--describe', '--topic', topic)
    await eventually(described, (output) => /PartitionCount: 4\b/.test(output), 'partitions', 10_000)
  })
  await checkClient(run, client, 'ConfigCommand --describe of a topic', async () => {
    const args = ['--describe', '--entity-type', 'topics', '--entity-name', topic]
    const own = await use(run, client, configCommand, args)
    has(own, /retention\.ms=3600000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=3600000/)
    has(
      await use(run, client, configCommand, [...args, '--all']),
      /max\.message\.bytes=1048588 sensitive=false synonyms=\{/,
    )
  })
}

async function consoleTools(run: Run, client: Client, { topic, group }: Names): Promise<void> {
  const writing = ['--topic', topic, '--compression-codec', 'zstd', '--reader-property', 'parse.key=true']
  writing.push('--reader-property', 'parse.headers=true', '--reader-property', 'null.marker=NULL')
  await checkClient(run, client, 'ConsoleProducer writes keys, headers and tombstones', async () => {
    const lines = ['a:1,b:2\tfirst\tone', 'NULL\tsecond\ttwo', 'NULL\tsecond\tNULL', 'NULL\tNULL\tthree']
    await use(run, client, consoleProducer, writing, `${lines.join('\n')}\n`)
  })
  const printing = ['key', 'headers', 'timestamp'].flatMap((what) => ['--formatter-property', `print.${what}=true`])
  const reading = ['--topic', topic, '--from-beginning', '--timeout-ms', '15000', ...printing]
  await checkClient(run, client, 'ConsoleConsumer reads them', async () => {
    const read = await use(run, client, consoleConsumer, [...reading, '--max-messages', '4'])
    const lines = read
      .trim()
      .split('\n')
      .map((line) => line.replace(/^CreateTime:\d+\t/, ''))
    assertEqual(
      lines.sort(),
      ['NO_HEADERS\tnull\tthree', 'NO_HEADERS\tsecond\tnull', 'NO_HEADERS\tsecond\ttwo', 'a:1,b:2\tfirst\tone'],
      'lines',
    )
  })
  await checkClient(run, client, 'ConsoleConsumer reads in a group and commits', async () => {
    const read = await use(run, client, consoleConsumer, [...reading, '--max-messages', '4', '--group', group])
    assertEqual(read.trim().split('\n').length, 4, 'lines')
  })
}

async function groupTool(run: Run, client: Client, { topic, group }: Names): Promise<void> {
  const groups = (...args: string[]) => use(run, client, groupCommand, args)
  /** Sums of the columns CURRENT-OFFSET, LOG-END-OFFSET and LAG over the partitions of the topic. */
  const sums = async () => {
    const rows = (await groups('--describe', '--group', group)).split('\n').map((line) => line.trim().split(/\s+/))
    const own = rows.filter((row) => row[0] === group && row[1] === topic)
    // With `-` where nothing is committed.
    return [3, 4, 5].map((column) => own.reduce((sum, row) => sum + (Number(row[column]) || 0), 0))
  }
  await checkClient(run, client, 'ConsumerGroupCommand --list', async () => {
    assert((await groups('--list')).split('\n').includes(group), 'the group is not in the list')
  })
  await checkClient(run, client, 'ConsumerGroupCommand --describe shows offsets and lag', async () => {
    assertEqual(await sums(), [4, 4, 0], 'current offsets, end offsets and lag')
  })
  await checkClient(run, client, 'ConsumerGroupCommand --describe --state', async () => {
    has(await groups('--describe', '--state', '--group', group), new RegExp(`${group}\\s.*\\sEmpty\\s`))
  })
  await checkClient(run, client, 'ConsumerGroupCommand --describe --members while one is there', async () => {
    const member = `${group}-member`
    const other = `${group}-live`
    await client.call('join', { group: other, topic, assignor: 'range', member })
    await eventually(
      () => client.call('assignment', { member }),
      (partitions) => partitions.length === 4,
      'assignment',
    )
    const described = await groups('--describe', '--members', '--verbose', '--group', other)
    has(described, new RegExp(`${other}\\s+consumer-${other}-`), `${topic}:0,1,2,3`)
    has(await groups('--describe', '--state', '--group', other), /\srange\s+Stable\s+1/)
    await client.call('leave', { member })
  })
  await checkClient(run, client, 'ConsumerGroupCommand --reset-offsets', async () => {
    await groups('--reset-offsets', '--to-earliest', '--execute', '--topic', topic, '--group', group)
    assertEqual(await sums(), [0, 4, 4], 'current offsets, end offsets and lag')
    await groups(
      '--reset-offsets',
      '--to-datetime',
      '2020-01-01T00:00:00.000',
      '--execute',
      '--topic',
      topic,
      '--group',
      group,
    )
    await groups('--reset-offsets', '--to-latest', '--execute', '--topic', topic, '--group', group)
    assertEqual(await sums(), [4, 4, 0], 'current offsets, end offsets and lag')
  })
  await checkClient(run, client, 'ConsumerGroupCommand --delete-offsets', async () => {
    await groups('--delete-offsets', '--topic', topic, '--group', group)
    // The group's last offsets are gone, and it may be gone with them.
    const listed = await sums().catch(() => [0, 0, 0])
    assertEqual(listed[0], 0, 'current offsets')
  })
  await checkClient(run, client, 'ConsumerGroupCommand --delete', async () => {
    const other = `${group}-live`
    has(await groups('--delete', '--group', other), 'successful')
    assert(!(await groups('--list')).split('\n').includes(other), 'the group is still listed')
  })
}

async function brokerTools(run: Run, client: Client, { topic }: Names): Promise<void> {
  const offsets = async (time: string) => {
    const lines = await use(run, client, getOffsetShell, ['--topic', topic, '--time', time])
    const own = lines.split('\n').filter((line) => line.startsWith(`${topic}:`))
    return own.reduce((sum, line) => sum + Number(line.split(':')[2] || 0), 0)
  }
  await checkClient(run, client, 'GetOffsetShell by latest, earliest and time', async () => {
    assertEqual(await offsets('-1'), 4, 'sum of the latest offsets')
    assertEqual(await offsets('-2'), 0, 'sum of the earliest offsets')
    assertEqual(await offsets('1'), 0, 'sum of the offsets by time')
    assertEqual(await offsets('earliest-local'), 0, 'sum of the earliest local offsets')
  })
  await checkClient(run, client, 'GetOffsetShell by largest timestamp', async () => {
    const lines = await use(run, client, getOffsetShell, ['--topic', topic, '--time', 'max-timestamp'])
    has(lines, new RegExp(`^${topic}:\\d:\\d`, 'm'))
  })
  await checkClient(run, client, 'BrokerApiVersionsCommand', async () => {
    has(await use(run, client, brokerApiVersions, []), /Produce\(0\): /, /Fetch\(1\): /, /ApiVersions\(18\): 0 to \d/)
  })
  await checkClient(run, client, 'ClusterTool cluster-id', async () => {
    const args = ['cluster-id', '--bootstrap-server', run.broker.bootstrap]
    const { exit, stdout } = await client.call('tool', { class: clusterTool, args })
    assertEqual(exit, 0, 'exit status')
    has(stdout, /Cluster ID: \S{22}/)
  })
  await checkClient(run, client, 'LogDirsCommand --describe', async () => {
    const output = await use(run, client, logDirs, ['--describe', '--topic-list', topic])
    const described = JSON.parse(output.split('\n').find((line) => line.startsWith('{'))!) as {
      brokers: { logDirs: { partitions: { partition: string; size: number }[] }[] }[]
    }
    const partitions = described.brokers.flatMap(({ logDirs }) => logDirs.flatMap((directory) => directory.partitions))
    assertEqual(partitions.length, 4, 'partitions')
    assert(
      partitions.some(({ size }) => size > 0),
      'no partition has a size',
    )
  })
  await checkClient(run, client, 'TopicCommand --delete', async () => {
    await use(run, client, topicCommand, ['--delete', '--topic', topic])
    const listed = async () => (await use(run, client, topicCommand, ['--list'])).split('\n').includes(topic)
    await eventually(listed, (found) => !found, 'topic in the list', 10_000)
  })
}
