// interop: Kafka's tools for topics, configs, replicas, features and the quorum, line by line. What they say of Apache Kafka is kept in
// admin-tools.json; on any other broker they have to say the same. Ids, paths, ports and times are masked.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { removeDirectory } from '../scenarios/broker.ts'
import type { Client } from '../scenarios/client.ts'
import { checkClient, eventually, type Run, text } from '../scenarios/run.ts'
import { Recording } from './recorded.ts'

const classes = {
  topics: 'org.apache.kafka.tools.TopicCommand',
  configs: 'kafka.admin.ConfigCommand',
  reassign: 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
  election: 'org.apache.kafka.tools.LeaderElectionCommand',
  logDirs: 'org.apache.kafka.tools.LogDirsCommand',
  features: 'org.apache.kafka.tools.FeatureCommand',
  quorum: 'org.apache.kafka.tools.MetadataQuorumCommand',
  clientMetrics: 'org.apache.kafka.tools.ClientMetricsCommand',
  versions: 'org.apache.kafka.tools.BrokerApiVersionsCommand',
  cluster: 'org.apache.kafka.tools.ClusterTool',
}
type Tool = keyof typeof classes

/** `directory`: for files that tools read. */
type Bench = { run: Run; client: Client; directory: string; recorded: Recording }

const fixture = new URL('admin-tools.json', import.meta.url)
const topic = 'lines-admin'
const placed = 'lines-placed'

export async function adminTools(run: Run): Promise<void> {
  const client = run.clients.find((one) => one.can('tool'))
  if (!client) return
  const recorded = new Recording(run, fixture)
  const directory = mkdtempSync(`${tmpdir()}/odradek-admin-tools-`)
  const bench = { run, client, directory, recorded }
  try {
    await topics(bench)
    await configs(bench)
    await replicas(bench)
    await features(bench)
    await metrics(bench)
    await cluster(bench)
  } finally {
    removeDirectory(directory)
  }
  recorded.close()
}

async function topics(bench: Bench): Promise<void> {
  const says = (name: string, ...args: string[]) => lines(bench, 'topics', name, args)
  await says('create', '--create', '--topic', topic, '--partitions', '2', '--config', 'retention.ms=-1')
  await says('create one that is there', '--create', '--topic', topic)
  await says('create one that is there, if it is not', '--create', '--topic', topic, '--if-not-exists')
  await says('create with a bad name', '--create', '--topic', 'lines/bad')
  await says('create with a bad config', '--create', '--topic', 'lines-bad', '--config', 'retention.ms=x')
  await says('create with too many replicas', '--create', '--topic', 'lines-bad', '--replication-factor', '3')
  await says('create placed by hand', '--create', '--topic', placed, '--replica-assignment', '1,1,1')
  await says('create placed where nobody is', '--create', '--topic', 'lines-bad', '--replica-assignment', '7')
  await known(bench, topic)
  await known(bench, placed)
  await bench.client.call('produce', {
    topic: bench.run.prefix + topic,
    codec: 'none',
    records: [0, 1].map((partition) => ({ partition, key: null, value: text('v'), headers: [], timestamp: 1 })),
  })
  await says('describe', '--describe', '--topic', topic)
  await says('describe one placed by hand', '--describe', '--topic', placed)
  await says('describe by id that is none', '--describe', '--topic-id', 'odradekodradekodradekw')
  await says('describe a missing one', '--describe', '--topic', 'lines-missing')
  await says('describe a missing one, if it is there', '--describe', '--topic', 'lines-missing', '--if-exists')
  await says('describe those with configs', '--describe', '--topic', topic, '--topics-with-overrides')
  await says('describe under-replicated ones', '--describe', '--topic', topic, '--under-replicated-partitions')
  await says('describe unavailable ones', '--describe', '--topic', topic, '--unavailable-partitions')
  await says('describe at the least in sync', '--describe', '--topic', topic, '--at-min-isr-partitions')
  await says('add partitions', '--alter', '--topic', topic, '--partitions', '3')
  await says(
    'add partitions by hand',
    '--alter',
    '--topic',
    placed,
    '--partitions',
    '4',
    '--replica-assignment',
    '1,1,1,1',
  )
  await says('take partitions away', '--alter', '--topic', topic, '--partitions', '1')
  await says('alter a missing one', '--alter', '--topic', 'lines-missing', '--partitions', '3')
  await says('delete a missing one', '--delete', '--topic', 'lines-missing')
}

/** Apache Kafka's brokers learn of a topic a moment after it is created. */
const known = ({ run, client }: Bench, name: string) =>
  eventually(
    () => client.call('tool', { class: classes.topics, args: ['--bootstrap-server', run.broker.bootstrap, '--list'] }),
    ({ stdout }) => stdout.split('\n').includes(run.prefix + name),
    `${name} in the list`,
  )

async function configs(bench: Bench): Promise<void> {
  const says = (name: string, ...args: string[]) => lines(bench, 'configs', name, args)
  /** Alters, and describes when that is known. */
  const altered = async (name: string, entity: string[], ...change: string[]) => {
    await says(name, ...entity, '--alter', ...change)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await says(`after: ${name}`, ...entity, '--describe')
  }
  const ofTopic = ['--entity-type', 'topics', '--entity-name', topic]
  await says('describe a topic', ...ofTopic, '--describe')
  await altered('set of a topic', ofTopic, '--add-config', 'segment.bytes=2000000,cleanup.policy=[compact,delete]')
  await altered('delete of a topic', ofTopic, '--delete-config', 'segment.bytes,cleanup.policy')
  await says('delete what is not set', ...ofTopic, '--alter', '--delete-config', 'segment.ms')
  await says('a bad value', ...ofTopic, '--alter', '--add-config', 'segment.bytes=x')
  await says('an unknown name', ...ofTopic, '--alter', '--add-config', 'segment.size=1')
  await says('of a missing topic', '--entity-type', 'topics', '--entity-name', 'lines-missing', '--describe')
  const ofAll = ['--entity-type', 'brokers', '--entity-default']
  const ofOne = ['--entity-type', 'brokers', '--entity-name', '1']
  await altered('set of a broker', ofOne, '--add-config', 'log.cleaner.backoff.ms=15001')
  await says('a secret', ...ofOne, '--alter', '--add-config', 'listener.name.plaintext.ssl.key.password=secret')
  await altered('delete of a broker', ofOne, '--delete-config', 'log.cleaner.backoff.ms')
  await says('describe all brokers', ...ofAll, '--describe')
  await says('delete what eligible leader replicas need', ...ofAll, '--alter', '--delete-config', 'min.insync.replicas')
  await says('set of one what is for all', ...ofOne, '--alter', '--add-config', 'min.insync.replicas=1')
  await says('set of all brokers', ...ofAll, '--alter', '--add-config', 'log.cleaner.backoff.ms=15002')
  await says('delete of all brokers', ...ofAll, '--alter', '--delete-config', 'log.cleaner.backoff.ms')
  await says('a read-only one', ...ofOne, '--alter', '--add-config', 'num.partitions=3')
  await says('of a broker that is not there', '--entity-type', 'brokers', '--entity-name', '7', '--describe')
  await says(
    'a logger that is not there',
    '--entity-type',
    'broker-loggers',
    '--entity-name',
    '1',
    '--alter',
    '--add-config',
    'x.y=DEBUG',
  )
  const ofGroup = ['--entity-type', 'groups', '--entity-name', 'lines-group']
  await altered('set of a group', ofGroup, '--add-config', 'consumer.session.timeout.ms=50000')
  await altered('delete of a group', ofGroup, '--delete-config', 'consumer.session.timeout.ms')
  const ofMetrics = ['--entity-type', 'client-metrics', '--entity-name', 'lines-metrics']
  await altered('set of client metrics', ofMetrics, '--add-config', 'interval.ms=1000,metrics=[org.apache,other]')
  await altered('delete of client metrics', ofMetrics, '--delete-config', 'interval.ms,metrics')
}

async function replicas(bench: Bench): Promise<void> {
  const { prefix } = bench.run
  const plan = (name: string, content: object): string => {
    const file = `${bench.directory}/${name}.json`
    writeFileSync(file, JSON.stringify({ version: 1, ...content }))
    return file
  }
  const to = (partition: number, ...brokers: number[]) => ({ topic: prefix + topic, partition, replicas: brokers })
  const same = plan('same', { partitions: [to(0, 1), to(1, 1)] })
  const nowhere = plan('nowhere', { partitions: [to(0, 7)] })
  const moving = plan('topics', { topics: [{ topic: prefix + topic }] })
  const says = (name: string, ...args: string[]) => lines(bench, 'reassign', name, args)
  await says('generate', '--generate', '--topics-to-move-json-file', moving, '--broker-list', '1')
  await says(
    'generate for a broker that is not there',
    '--generate',
    '--topics-to-move-json-file',
    moving,
    '--broker-list',
    '7',
  )
  await says('execute', '--execute', '--reassignment-json-file', same)
  await says('execute with a throttle', '--execute', '--reassignment-json-file', same, '--throttle', '1000000')
  await says('execute to a broker that is not there', '--execute', '--reassignment-json-file', nowhere)
  await says('verify', '--verify', '--reassignment-json-file', same)
  await says('list', '--list')
  await says('cancel', '--cancel', '--reassignment-json-file', same)

  const elects = (name: string, ...args: string[]) => lines(bench, 'election', name, args)
  await elects('preferred', '--election-type', 'preferred', '--topic', topic, '--partition', '0')
  await elects('unclean', '--election-type', 'unclean', '--topic', topic, '--partition', '0')
  await elects('of a missing partition', '--election-type', 'preferred', '--topic', topic, '--partition', '9')
  await elects('of a missing topic', '--election-type', 'preferred', '--topic', 'lines-missing', '--partition', '0')
  await elects('of all', '--election-type', 'preferred', '--all-topic-partitions')

  await lines(bench, 'logDirs', 'describe', ['--describe', '--topic-list', topic])
  await lines(bench, 'logDirs', 'describe of a broker that is not there', ['--describe', '--broker-list', '7'])
}

async function features(bench: Bench): Promise<void> {
  const says = (name: string, ...args: string[]) => lines(bench, 'features', name, args)
  await says('kraft.version up', 'upgrade', '--feature', 'kraft.version=1')
  await says('describe', 'describe')
  await says('to the same level', 'upgrade', '--feature', 'group.version=1')
  await says('down, for a trial', 'downgrade', '--feature', 'group.version=0', '--dry-run')
  await says('down', 'downgrade', '--feature', 'group.version=0')
  await says('up', 'upgrade', '--feature', 'group.version=1')
  await says('above what there is', 'upgrade', '--feature', 'group.version=7')
  const elr = 'eligible.leader.replicas.version'
  await says('eligible leader replicas down', 'downgrade', '--feature', `${elr}=0`)
  await new Promise((resolve) => setTimeout(resolve, 500))
  await says('after: eligible leader replicas down', 'describe')
  await says('eligible leader replicas up', 'upgrade', '--feature', `${elr}=1`)
  await says('metadata.version down', 'downgrade', '--metadata', '3.9')
  await says('metadata.version down, unsafely', 'downgrade', '--unsafe', '--metadata', '3.9')
  await says('a release that is not there', 'upgrade', '--release-version', '9.9')
  await says('disable', 'disable', '--feature', 'nobody.version')
}

async function metrics(bench: Bench): Promise<void> {
  const says = (name: string, ...args: string[]) => lines(bench, 'clientMetrics', name, args)
  await says('list of none', '--list')
  await says(
    'set',
    '--alter',
    '--name',
    'lines-sub',
    '--interval',
    '2000',
    '--metrics',
    'org.apache',
    '--match',
    'client_id=a',
  )
  await new Promise((resolve) => setTimeout(resolve, 500))
  await says('list', '--list')
  await says('describe', '--describe', '--name', 'lines-sub')
  await says('describe all', '--describe')
  await says('a bad match', '--alter', '--name', 'lines-sub', '--match', 'nobody=a')
  await says('delete', '--delete', '--name', 'lines-sub')
}

async function cluster(bench: Bench): Promise<void> {
  await lines(bench, 'quorum', 'status', ['describe', '--status'])
  await lines(bench, 'quorum', 'replication', ['describe', '--replication'])
  const stranger = ['--controller-id', '9', '--controller-directory-id', 'odradekodradekodradekw']
  await lines(bench, 'quorum', 'remove a controller that is not there', ['remove-controller', ...stranger])
  await lines(bench, 'cluster', 'id', ['cluster-id'])
  await lines(bench, 'cluster', 'endpoints', ['list-endpoints'])
  await lines(bench, 'cluster', 'unregister a broker that is not there', ['unregister', '--id', '9'])
  await lines(bench, 'versions', 'versions', [])
}

// ---- lines

/** One use of a tool: recorded, or compared with what was recorded. */
async function lines(bench: Bench, tool: Tool, name: string, args: string[]): Promise<void> {
  const { run, client, recorded } = bench
  const simple = classes[tool].split('.').at(-1)
  await checkClient(run, client, `${simple}: ${name}`, async () => {
    const own = args.map((arg) => (arg.startsWith('lines-') ? run.prefix + arg : arg))
    const to = ['--bootstrap-server', run.broker.bootstrap]
    const all = tool === 'cluster' ? [...own, ...to] : [...to, ...own]
    const { exit, stdout, stderr } = await client.call('tool', { class: classes[tool], args: all })
    recorded.take(`${simple}: ${name}`, {
      exit,
      lines: [...linesOf(stdout, bench, tool), ...linesOf(stderr, bench, tool)],
    })
  })
}

/** Features that both brokers have; the others come and go with what is served. */
const ofBothBrokers = /^Feature: (eligible\.leader\.replicas|group|kraft|metadata|transaction)\.version|^(?!Feature:)/
/** Of all APIs, those that this scenario is about. */
const adminApis =
  /^\s*(CreateTopics|CreatePartitions|DescribeConfigs|AlterConfigs|IncrementalAlterConfigs|AlterReplicaLogDirs|DescribeLogDirs|ElectLeaders|AlterPartitionReassignments|ListPartitionReassignments|DescribeQuorum|UpdateFeatures|UnregisterBroker|ListConfigResources|AddRaftVoter|RemoveRaftVoter)\(/

/** Without what a tool prints of its own stack and options, sorted: many have the order of hash maps. */
function linesOf(output: string, { run, directory }: Bench, tool: Tool): string[] {
  return output
    .replace(/^(Option +Description|usage: )[\s\S]*/m, '')
    .replaceAll(run.broker.bootstrap, 'HOST:PORT')
    .replaceAll(directory, 'DIRECTORY')
    .replaceAll(run.prefix, '')
    .split('\n')
    .filter((line) => !/^\s*(at |\.\.\. \d+ more|$|null$|Agent\$Exited|\[.*\] ERROR )/.test(line))
    .filter((line) => (tool === 'versions' ? adminApis.test(line) : tool !== 'features' || ofBothBrokers.test(line)))
    .map(masked)
    .sort()
}

const masked = (line: string): string =>
  line
    .replaceAll(/(?<![\w-])[\w-]{22}(?![\w-])/g, 'UUID')
    .replaceAll(/localhost:\d+/g, 'HOST:PORT')
    .replaceAll(/"logDir":"[^"]*"/g, '"logDir":"DIRECTORY"')
    .replaceAll(/\/\S+\/(data|odradek-data)\b/g, 'DIRECTORY')
    .replaceAll(/(Epoch: |LeaderEpoch:\s+|HighWatermark:\s+|MaxFollowerLag\w*:\s+)\d+/g, '$1N')
    .replaceAll(/: \d+ to (?=\d+ \[usable)/g, ': N to ')
    .replaceAll(/\b1\d{12}\b/g, 'TIME')
    .replaceAll(/\s+/g, ' ')
    .replace(/^(1 UUID) \d+/, '$1 N')
    .replace(/^(1 localhost) \d+/, '$1 PORT')
    .trim()
