// interop: transactional producers and read_committed consumers of each client: all or nothing, in order, whatever becomes of the producer.
import type { AgentFailure, Client } from './client.ts'
import { assert, assertEqual } from './report.ts'
import { checkClient, eachClient, eventually, expectCode, type Run, text } from './run.ts'
import type { Isolation } from './wire.ts'

const partitions = 3
const pendingMs = 1500

/**
 * What a client's commit fails with, as with Kafka: INVALID_PRODUCER_EPOCH, PRODUCER_FENCED, INVALID_TXN_STATE or librdkafka's ERR__FENCED. Only Java
 * ends transactions so that their end is in the epoch (KIP-890), and is told apart who has ended them.
 */
const commitFails: Record<string, { fenced: number; abandoned: number }> = {
  kafkajs: { fenced: 47, abandoned: 47 },
  'node-rdkafka': { fenced: -144, abandoned: -144 },
  confluent: { fenced: -144, abandoned: -144 },
  java: { fenced: 90, abandoned: 48 },
  'by the first version: java': { fenced: 90, abandoned: 90 },
}

const countsRefused = ['node-rdkafka', 'confluent']

const messageTooLarge = 10
const invalidTransactionTimeout = 50
/** librdkafka's ERR__PURGE_QUEUE. */
const purged = -152

export async function transactions(run: Run): Promise<void> {
  // The first of all makes the topic of the coordinator, which Apache Kafka takes a while for.
  const first = { producer: 'first', transactionalId: `${run.prefix}transactions-first` }
  await eventually(
    () => run.hands.call('openTransactional', first),
    () => true,
    'a first transactional producer',
  )
  await run.hands.call('closeTransactional', first)
  await eachClient(run, async (client) => {
    if (!client.can('openTransactional')) return
    const trial = { run, client, by: '' }
    await allOrNothing(trial)
    await openHides(trial)
    await offsetsWithTheTransaction(trial)
    await consumeTransformProduce(trial)
    await zombie(trial)
    await abandoned(trial)
    await abortable(trial)
    await tooLong(trial)
  })
  await firstVersion(run)
}

/** `by`: what is otherwise than usual, as it stands behind the names of checks. */
type Trial = { run: Run; client: Client; by: string }

const check = ({ run, client, by }: Trial, behaviour: string, test: () => Promise<void>) =>
  checkClient(run, client, by + behaviour, test)

const featureCommand = 'org.apache.kafka.tools.FeatureCommand'

/** The other clients know the first version only; Java's takes it where the cluster has no other (KIP-890). */
async function firstVersion(run: Run): Promise<void> {
  const client = run.clients.find((one) => one.can('tool', 'openTransactional'))
  if (!client) return
  const setVersion = (change: 'upgrade' | 'downgrade', version: number) => {
    const args = ['--bootstrap-server', run.broker.bootstrap, change, '--feature', `transaction.version=${version}`]
    return client.call('tool', { class: featureCommand, args })
  }
  const { exit, stdout } = await setVersion('downgrade', 1)
  const downgraded = await checkClient(run, client, 'FeatureCommand downgrades transactions', async () =>
    assertEqual(exit, 0, `exit status (${stdout})`),
  )
  if (!downgraded) return
  const trial = { run: { ...run, prefix: `${run.prefix}first-version-` }, client, by: 'by the first version: ' }
  await allOrNothing(trial)
  await offsetsWithTheTransaction(trial)
  await zombie(trial)
  await abandoned(trial)
  await checkClient(run, client, 'FeatureCommand upgrades transactions', async () =>
    assertEqual((await setVersion('upgrade', 2)).exit, 0, 'exit status'),
  )
}

const records = (values: readonly string[], inPartitions: readonly number[]) =>
  inPartitions.flatMap((partition) =>
    values.map((value) => ({ partition, key: null, value: text(value), headers: [] })),
  )

const allPartitions = Array.from({ length: partitions }, (_, partition) => partition)

async function makeTopic(run: Run, client: Client, name: string, configs?: Record<string, string>): Promise<string> {
  const topic = `${run.prefix}transactions-${name}-${client.name}`
  await run.hands.call('createTopic', { topic, partitions, ...(configs ? { configs } : {}) })
  return topic
}

/** A producer of the client's own, with short names for what it is asked to do. */
async function open(client: Client, transactionalId: string, { as = transactionalId, timeoutMs = 0 } = {}) {
  const timeout = timeoutMs > 0 ? { timeoutMs } : {}
  await client.call('openTransactional', { producer: as, transactionalId, ...timeout })
  return {
    begin: () => client.call('begin', { producer: as }),
    send: (topic: string, values: readonly string[], inPartitions: readonly number[] = allPartitions) =>
      client.call('send', { producer: as, topic, records: records(values, inPartitions) }),
    sendOffsets: (group: string, topic: string, offset: number) =>
      client.call('sendOffsets', { producer: as, group, topic, offsets: [{ partition: 0, offset, metadata: '' }] }),
    commit: () => client.call('commitTransaction', { producer: as }),
    abort: () => client.call('abortTransaction', { producer: as }),
    close: () => client.call('closeTransactional', { producer: as }),
  }
}

/** By partition. Clients that cannot tell where the end is read so many as there should be, which shows also one that should not be there. */
async function read(client: Client, topic: string, isolation: Isolation, expected: readonly string[][]) {
  if (client.can('readToEnd')) return client.call('readToEnd', { topic, partitions, isolation })
  const count = expected.flat().length
  const found = await client.call('consume', { topic, partitions, count, isolation })
  return allPartitions.map((partition) =>
    found
      .filter((record) => record.partition === partition)
      .map(({ value }) => Buffer.from(value!, 'base64').toString()),
  )
}

/** Markers are written after the client has its answer, so ends come to be seen. */
const reads = (client: Client, topic: string, isolation: Isolation, expected: readonly string[][]) =>
  eventually(
    () => read(client, topic, isolation, expected),
    (found) => JSON.stringify(found) === JSON.stringify(expected),
    `${isolation} (expected ${JSON.stringify(expected)})`,
    20_000,
  )

const inEach = (values: readonly string[]) => allPartitions.map(() => [...values])

async function allOrNothing(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'commits and aborts over several partitions, each read by its isolation level', async () => {
    const topic = await makeTopic(run, client, 'ends')
    const producer = await open(client, `${topic}-id`)
    for (const end of ['commit', 'abort', 'commit', 'abort', 'commit'] as const) {
      await producer.begin()
      await producer.send(topic, [`one to ${end}`, `two to ${end}`])
      await producer[end]()
    }
    await producer.close()
    const [committed, aborted] = (['commit', 'abort'] as const).map((end) => [`one to ${end}`, `two to ${end}`])
    const all = [committed, aborted, committed, aborted, committed].flat() as string[]
    await reads(client, topic, 'read_committed', inEach(all.filter((value) => value.endsWith('commit'))))
    await reads(client, topic, 'read_uncommitted', inEach(all))
  })
}

/** Two members that stay, one of each isolation level, beside transactions that overlap. */
async function openHides(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'an open transaction hides what is behind it until it ends', async () => {
    const topic = await makeTopic(run, client, 'open')
    const assignor = client.description.assignors[0]!
    const levels = ['read_committed', 'read_uncommitted'] as const
    const member = (isolation: Isolation) => `${topic}-${isolation}`
    for (const isolation of levels) {
      const name = member(isolation)
      await client.call('join', { group: name, topic, assignor, member: name, isolation })
    }
    const received = (isolation: Isolation) => client.call('received', { member: member(isolation) })
    const gets = (isolation: Isolation, line: string) =>
      eventually(
        () => received(isolation),
        (lines) => lines.includes(line),
        `${line} by ${isolation}`,
      )
    const [first, second] = [await open(client, `${topic}-first`), await open(client, `${topic}-second`)]
    for (const end of ['commit', 'abort'] as const) {
      await first.begin()
      await first.send(topic, [`first to ${end}`], [0])
      await second.begin()
      await second.send(topic, [`second, first to ${end}`], [0, 1])
      await second.commit()
      await gets('read_uncommitted', `0:second, first to ${end}`)
      await gets('read_committed', `1:second, first to ${end}`)
      const early = (await received('read_committed')).filter((line) => line.startsWith('0:') && line.includes(end))
      assertEqual(early, [], 'read in front of the end')
      await first[end]()
      await gets('read_committed', `0:second, first to ${end}`)
    }
    const seen = (await received('read_committed')).filter((line) => line.startsWith('0:'))
    assertEqual(seen, ['0:first to commit', '0:second, first to commit', '0:second, first to abort'], 'in partition 0')
    for (const producer of [first, second]) await producer.close()
    for (const isolation of levels) await client.call('leave', { member: member(isolation) })
  })
}

async function offsetsWithTheTransaction(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'offsets in a transaction move with its end', async () => {
    const topic = await makeTopic(run, client, 'offsets')
    const group = `${topic}-group`
    const committed = async () => {
      const offsets = await run.hands.call('committed', { group, topic, partitions })
      return offsets.find(({ partition }) => partition === 0)?.offset
    }
    await run.hands.call('commit', { group, topic, offsets: [{ partition: 0, offset: 3, metadata: '' }] })
    const producer = await open(client, `${topic}-id`)
    for (const [end, before, after] of [
      ['abort', 3, 3],
      ['commit', 3, 7],
    ] as const) {
      await producer.begin()
      await producer.send(topic, [`to ${end}`])
      await producer.sendOffsets(group, topic, 7)
      assertEqual(await committed(), before, `offset before ${end}`)
      if (client.can('stableOffsets')) await isUnstable(client, group, topic)
      await producer[end]()
      await eventually(committed, (offset) => offset === after, `offset after ${end}`)
      if (client.can('stableOffsets')) {
        const [stable] = await client.call('stableOffsets', { group, topic, partitions, limitMs: 10_000 })
        assertEqual(stable?.offset, after, `stable offset after ${end}`)
      }
    }
    await producer.close()
  })
}

/** UNSTABLE_OFFSET_COMMIT is asked again until the time is over. */
async function isUnstable(client: Client, group: string, topic: string): Promise<void> {
  const answer = await client
    .call('stableOffsets', { group, topic, partitions, limitMs: 1000 })
    .catch((error) => error as Error)
  assert(answer instanceof Error && /[Tt]imeout|[Uu]nstable/.test(answer.message), `stable: ${JSON.stringify(answer)}`)
}

async function consumeTransformProduce(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'consumes, transforms and produces each record once', async () => {
    const [input, output] = [await makeTopic(run, client, 'input'), await makeTopic(run, client, 'output')]
    const values = Array.from({ length: 12 }, (_, index) => `record ${index}`)
    const sent = records(values, allPartitions).map((record) => ({
      ...record,
      value: text(`${record.partition}: ${Buffer.from(record.value, 'base64')}`),
    }))
    await run.hands.call('produce', { topic: input, codec: 'none', records: sent })
    const group = `${input}-group`
    await client.call('transform', { group, input, output, transactionalId: `${input}-id`, count: sent.length })
    const [written] = await read(client, output, 'read_committed', [values.concat(values, values), [], []])
    for (const partition of allPartitions) {
      const own = written!.filter((value) => value.startsWith(`copy of ${partition}: `))
      assertEqual(
        own,
        values.map((value) => `copy of ${partition}: ${value}`),
        `of partition ${partition}`,
      )
    }
    const positions = async () => {
      const committed = await run.hands.call('committed', { group, topic: input, partitions })
      return committed.map(({ offset }) => offset)
    }
    await eventually(positions, (offsets) => offsets.join() === '12,12,12', 'committed offsets')
  })
}

async function zombie(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'a second producer with the id fences the first and aborts what it left open', async () => {
    const topic = await makeTopic(run, client, 'zombie')
    const id = `${topic}-id`
    const first = await open(client, id, { as: `${id}-first` })
    await first.begin()
    await first.send(topic, ['of the zombie'])
    const second = await open(client, id, { as: `${id}-second` })
    await second.begin()
    await second.send(topic, ['of the second'])
    await expectCode(commitFails[trial.by + client.name]!.fenced, 'commit of the first', first.commit())
    await second.commit()
    await reads(client, topic, 'read_committed', inEach(['of the second']))
    await second.close()
    await first.close()
  })
}

async function abandoned(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'a transaction that nobody ends is aborted when its time is over', async () => {
    const topic = await makeTopic(run, client, 'abandoned')
    const id = `${topic}-id`
    const idle = await open(client, id, { timeoutMs: pendingMs })
    await idle.begin()
    await idle.send(topic, ['abandoned'])
    const other = await open(client, `${id}-other`)
    await other.begin()
    await other.send(topic, ['behind'])
    await other.commit()
    await reads(client, topic, 'read_committed', inEach(['behind']))
    await expectCode(commitFails[trial.by + client.name]!.abandoned, 'commit', idle.commit())
    await idle.close()
    const again = await open(client, id)
    await again.begin()
    await again.send(topic, ['again'])
    await again.commit()
    await reads(client, topic, 'read_committed', inEach(['behind', 'again']))
    for (const producer of [other, again]) await producer.close()
  })
}

async function abortable(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'goes on after the abort of a transaction that a record was refused in', async () => {
    const topic = await makeTopic(run, client, 'abortable', { 'max.message.bytes': '2000' })
    const producer = await open(client, `${topic}-id`)
    await producer.begin()
    await producer.send(topic, ['small'])
    const sending = producer.send(topic, ['x'.repeat(5000)], [0])
    // librdkafka says at times that it has taken the record out of its queue, as the transaction cannot be committed any more.
    const error = await sending.then(
      () => undefined,
      (error) => error as AgentFailure,
    )
    const codes = [messageTooLarge, ...(countsRefused.includes(client.name) ? [purged, undefined] : [])]
    assert(error !== undefined && codes.includes(error.code), `a large record: ${error?.code} ${error?.message}`)
    await producer.abort()
    const next = async () => {
      await producer.begin()
      await producer.send(topic, ['next'])
      await producer.commit()
    }
    // librdkafka has counted the refused record: its next transaction is one that it can only abort, once more.
    if (countsRefused.includes(client.name)) await next().catch(() => producer.abort().then(next))
    else await next()
    await reads(client, topic, 'read_committed', inEach(['next']))
    await producer.close()
  })
}

async function tooLong(trial: Trial): Promise<void> {
  const { run, client } = trial
  await check(trial, 'cannot have a longer transaction than transaction.max.timeout.ms', async () => {
    const opening = open(client, `${run.prefix}transactions-long-${client.name}`, { timeoutMs: 3_600_000 })
    const error = await opening.then(
      () => undefined,
      (error) => error as AgentFailure,
    )
    // Java puts Kafka's words into an exception that has no code.
    const isTold =
      error?.code === invalidTransactionTimeout || error?.message.includes('timeout is larger than the maximum')
    assert(isTold === true, `opening: ${error?.code} ${error?.message}`)
  })
}
