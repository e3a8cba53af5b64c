// interop: `kafka-transactions` line by line. What the tool says of Apache Kafka is kept in transactions-tool.json, with Kafka's version; on
// any other broker it has to say the same. Producer ids and times are masked, and widths of columns left out.
import { WireClient } from '../../bench/wire-client.ts'
import { initProducerId, produce } from '../../protocol/messages/index.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Client } from '../scenarios/client.ts'
import { assert, assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually, type Run, text } from '../scenarios/run.ts'
import { Recording } from './recorded.ts'

const transactionsCommand = 'org.apache.kafka.tools.TransactionsCommand'
const configCommand = 'kafka.admin.ConfigCommand'
const fixture = new URL('transactions-tool.json', import.meta.url)

const topic = 'lines-transactions'
const hungTopic = 'lines-hung'
const [empty, committed, aborted] = ['lines-empty', 'lines-committed', 'lines-aborted']
const [open, older, hung, terminated] = ['lines-open', 'lines-older', 'lines-hung-id', 'lines-terminated']
/** The hanging transaction's record is so old; the tool asks for those older than 15 minutes. */
const hungForMs = 20 * 60_000
/** None is to end while the tool looks at it. */
const timeoutMs = 600_000
const producerFenced = 90

type Bench = { run: Run; client: Client; recording: Recording }

export async function transactionsTool(run: Run): Promise<void> {
  const client = run.clients.find((one) => one.can('tool', 'openTransactional'))
  if (!client) return
  const bench = { run, client, recording: new Recording(run, fixture) }
  const filled = await checkClient(run, client, 'TransactionsCommand: there are transactions in each state', () =>
    fill(bench),
  )
  if (!filled) return
  await lists(bench)
  await describes(bench)
  await hanging(bench)
  await terminates(bench)
  bench.recording.close()
}

const record = (value: string, partition = 0) => ({ partition, key: null, value: text(value), headers: [] })

/** By the Java client but for `older`, which is of one that knows the first version of transactions only. */
async function fill({ run, client }: Bench): Promise<void> {
  const { prefix, hands } = run
  for (const name of [topic, hungTopic]) await hands.call('createTopic', { topic: prefix + name, partitions: 2 })
  const begun = async (by: Client, id: string, partitions: number[]) => {
    const producer = prefix + id
    await by.call('openTransactional', { producer, transactionalId: producer, timeoutMs })
    await by.call('begin', { producer })
    const records = partitions.map((partition) => record(id, partition))
    await by.call('send', { producer, topic: prefix + topic, records })
    return { producer }
  }
  const idle = prefix + empty
  await client.call('openTransactional', { producer: idle, transactionalId: idle, timeoutMs })
  await client.call('commitTransaction', await begun(client, committed, [0, 1]))
  await client.call('abortTransaction', await begun(client, aborted, [0]))
  await begun(client, open, [0, 1])
  await begun(client, terminated, [1])
  await begun(run.hands, older, [1])
  // Markers are written after the producer has its answer.
  const listed = async () => (await use({ run, client }, ['list'])).stdout
  await eventually(
    listed,
    (said) => /lines-committed\s.*CompleteCommit/.test(said) && /lines-aborted\s.*CompleteAbort/.test(said),
    'ended transactions',
  )
}

async function lists(bench: Bench): Promise<void> {
  await says(bench, 'list', 'list')
  await says(bench, 'list by duration', 'list', '--duration-filter', '0')
  await says(bench, 'list by a duration that none has', 'list', '--duration-filter', '3600000')
  await says(bench, 'list by a duration below zero', 'list', '--duration-filter', '-1')
  for (const pattern of ['.*lines-(open|older)', '.*lines-o', '.*lines-o.*', '(a|b'])
    await says(bench, `list by pattern ${pattern}`, 'list', '--transactional-id-pattern', pattern)
  await says(
    bench,
    'list by duration and pattern',
    'list',
    '--duration-filter',
    '0',
    '--transactional-id-pattern',
    '.*lines-open',
  )
}

async function describes(bench: Bench): Promise<void> {
  for (const id of [empty, committed, aborted, open, older, 'lines-nobody'])
    await says(bench, `describe ${id}`, 'describe', '--transactional-id', id)
  const producersOf = (name: string, partition: string, ...more: string[]) =>
    says(
      bench,
      ['describe-producers', name, partition, ...more].join(' '),
      'describe-producers',
      '--topic',
      name,
      '--partition',
      partition,
      ...more,
    )
  await producersOf(topic, '0')
  await producersOf(topic, '1')
  await producersOf(topic, '1', '--broker-id', '1')
  await producersOf(hungTopic, '0')
}

/**
 * The broker is told not to ask the coordinator whether a partition is in a transaction, and is then sent a record as if it were: nobody will ever
 * end that.
 */
async function hanging(bench: Bench): Promise<void> {
  const { run, client } = bench
  const find = ['find-hanging', '--topic', hungTopic]
  await says(bench, 'find-hanging without a scope', 'find-hanging')
  await says(
    bench,
    'find-hanging of a partition without a topic',
    'find-hanging',
    '--partition',
    '0',
    '--broker-id',
    '1',
  )
  await says(bench, 'find-hanging while there is none', ...find)
  const made = await checkClient(run, client, 'TransactionsCommand: a transaction hangs', () => hang(bench))
  if (!made) return
  await says(bench, 'find-hanging', ...find)
  await says(bench, 'find-hanging in its partition', ...find, '--partition', '0')
  await says(bench, 'find-hanging in another partition', ...find, '--partition', '1')
  await says(bench, 'find-hanging of those that are older', ...find, '--max-transaction-timeout', '60')
  await says(
    bench,
    'find-hanging of young ones too',
    'find-hanging',
    '--topic',
    topic,
    '--max-transaction-timeout',
    '0',
  )
  await says(bench, 'find-hanging on the broker', 'find-hanging', '--broker-id', '1')
  await says(
    bench,
    'describe-producers of the hanging one',
    'describe-producers',
    '--topic',
    hungTopic,
    '--partition',
    '0',
  )
  const abort = (...more: string[]) => ['abort', '--topic', hungTopic, '--partition', '0', ...more]
  await says(bench, 'abort without saying which', ...abort())
  await says(bench, 'abort where none begins', ...abort('--start-offset', '7'))
  await says(bench, 'abort', ...abort('--start-offset', '0'))
  await says(bench, 'abort once more', ...abort('--start-offset', '0'))
  await says(
    bench,
    'describe-producers after the abort',
    'describe-producers',
    '--topic',
    hungTopic,
    '--partition',
    '0',
  )
  await says(bench, 'find-hanging after the abort', ...find)
  await checkClient(run, client, 'TransactionsCommand: nothing of the hanging one is read', async () => {
    const of = { topic: run.prefix + hungTopic, partitions: 2 }
    const read = await client.call('readToEnd', { ...of, isolation: 'read_committed' })
    assertEqual(read, [[], []], 'read_committed')
  })
}

async function hang({ run, client }: Bench): Promise<void> {
  const verification = 'transaction.partition.verification.enable'
  const alter = async (...change: string[]): Promise<void> => {
    const args = ['--alter', '--entity-type', 'brokers', '--entity-default', ...change]
    assertEqual((await use({ run, client }, args, configCommand)).exit, 0, 'exit of ConfigCommand')
  }
  await alter('--add-config', `${verification}=false`)
  const name = run.prefix + hungTopic
  const transactionalId = run.prefix + hung
  await WireClient.with(Number(run.broker.bootstrap.split(':')[1]), async (wire) => {
    const id = await wire.request(initProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 })
    assertEqual(id.errorCode, 0, 'error of InitProducerId')
    const { producerId, producerEpoch } = id
    const batch = { producerId, producerEpoch, baseSequence: 0, isTransactional: true }
    const records = buildRecordBatch(batch, [
      { timestamp: Date.now() - hungForMs, key: null, value: Buffer.from('hanging') },
    ])
    const topicData = [{ name, partitionData: [{ index: 0, records }] }]
    const written = async () => {
      const answer = await wire.request(produce, 9, { transactionalId, acks: -1, timeoutMs: 10_000, topicData })
      return answer.responses[0]!.partitionResponses[0]!.errorCode
    }
    // The config takes a moment to come to the partition.
    await eventually(written, (errorCode) => errorCode === 0, 'error of Produce', 10_000)
  })
  // Other scenarios list what is set of all brokers.
  await alter('--delete-config', verification)
}

async function terminates(bench: Bench): Promise<void> {
  const { run, client } = bench
  const terminate = (id: string) => ['forceTerminateTransaction', '--transactionalId', id]
  await says(bench, 'forceTerminateTransaction', ...terminate(terminated))
  await says(bench, 'describe the terminated one', 'describe', '--transactional-id', terminated)
  await says(bench, 'forceTerminateTransaction of an empty one', ...terminate(empty))
  await says(bench, 'forceTerminateTransaction of an unknown id', ...terminate('lines-nobody'))
  await checkClient(
    run,
    client,
    'TransactionsCommand: the producer of a terminated transaction is fenced',
    async () => {
      const error = await client.call('commitTransaction', { producer: run.prefix + terminated }).then(
        () => undefined,
        (error) => error as Error & { code?: number },
      )
      assert(error?.code === producerFenced, `commit: ${error?.code} ${error?.message}`)
    },
  )
  await says(bench, 'list in the end', 'list')
}

// ---- lines

async function use({ run, client }: Pick<Bench, 'run' | 'client'>, args: string[], command = transactionsCommand) {
  return client.call('tool', { class: command, args: ['--bootstrap-server', run.broker.bootstrap, ...args] })
}

/** One use of the tool: recorded, or compared with what was recorded under `name`. */
async function says(bench: Bench, name: string, ...args: string[]): Promise<void> {
  const { run, client, recording } = bench
  await checkClient(run, client, `TransactionsCommand: ${name}`, async () => {
    const own = args.map((arg) => (arg.startsWith('lines-') ? run.prefix + arg : arg))
    const { exit, stdout, stderr } = await use(bench, own)
    const lines = [...tableOf(stdout, run), ...wordsOf(stderr, run)]
    recording.take(name, { exit, lines })
  })
}

/** Columns whose values are other ones in each run. */
const maskedColumns = [
  'ProducerId',
  'LastTimestamp',
  'CurrentTransactionStartTimeMs',
  'TransactionDurationMs',
  'Duration(min)',
]

/** The heading, and its rows sorted, as they come from hash maps; without those of other scenarios. */
function tableOf(output: string, { prefix }: Run): string[] {
  const [heading, ...rows] = output
    .replaceAll(prefix, '')
    .split('\n')
    .filter((line) => line.trim().length > 0)
    .map((line) => line.split('\t').map((cell) => cell.trim()))
  if (heading === undefined) return []
  const isNamed = heading[0] === 'TransactionalId' || heading[0] === 'Topic'
  const own = rows
    .filter(([first]) => !isNamed || first!.startsWith('lines-'))
    .map((cells) =>
      cells
        .map((cell, column) => maskedCell(heading[column]!, cell))
        .join(' ')
        .trim(),
    )
  return [heading.join(' ').trim(), ...own.sort()]
}

function maskedCell(column: string, cell: string): string {
  // The partitions of a transaction are a set.
  if (column === 'TopicPartitions') return cell.split(',').sort().join()
  return maskedColumns.includes(column) && /^-?\d+$/.test(cell) ? 'N' : cell
}

const wordsOf = (output: string, { prefix }: Run) =>
  output
    .replaceAll(prefix, '')
    .split('\n')
    .filter((line) => !/^\s*(at |\.\.\. \d+ more|\[kafka-admin-client-thread|$)/.test(line))
    .map((line) => line.replaceAll(/\s+/g, ' ').trim())
