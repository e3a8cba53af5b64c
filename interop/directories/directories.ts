// interop: data directories both ways: Odradek starts on what Apache Kafka 4.3.1 left, Kafka on what Odradek left, and each
// serves what the other did.
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { assert, assertEqual } from '../scenarios/report.ts'
import { checkClient, eventually, type Run } from '../scenarios/run.ts'
import {
  assertSeen,
  type Bench,
  check,
  kafkaLog,
  ownDirectory,
  type Place,
  userTopics,
  withKafka,
  withOdradek,
} from './bench.ts'
import { compaction } from './compaction.ts'
import { dumpChecks } from './dump.ts'
import { configsOfFixture, knownOfFixture, unpackFixture } from './fixture.ts'
import { formatForKafka, metadataSnapshots } from './metadata-snapshots.ts'
import { Probe, type Seen, type SeenPartition } from './probe.ts'
import { transactionsTakenOver } from './transactions.ts'

const groupsOfFill = ['members', 'admin', 'forgotten']

export async function directories(run: Run, place: Place): Promise<void> {
  const tools = run.clients.find((one) => one.can('tool'))
  if (!tools) return
  const probe = await Probe.start(place.installed, place.directory)
  place.running.push(probe)
  const bench = { run, tools, probe, place }
  try {
    await fixtureServed(bench)
    await filesMissing(bench)
    await kafkaThenOdradek(bench)
    await odradekThenKafka(bench)
    await metadataSnapshots(bench)
    await compaction(bench)
    await transactionsTakenOver(bench)
  } finally {
    await probe.close()
  }
}

// --- Kafka's directory, Odradek on it

/** Size and SHA-256 of each log that has kinds of record which are not a client's. */
function internalLogs(dataDirectory: string): Map<string, { bytes: number; sha256: string }> {
  const logs = new Map<string, { bytes: number; sha256: string }>()
  for (const folder of readdirSync(dataDirectory).filter((name) => name.startsWith('__'))) {
    for (const file of readdirSync(`${dataDirectory}/${folder}`).filter((name) => /\.(log|checkpoint)$/.test(name))) {
      const bytes = readFileSync(`${dataDirectory}/${folder}/${file}`)
      logs.set(`${folder}/${file}`, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })
    }
  }
  return logs
}

/** What was there is still there; records may have been added behind. */
function assertKept(dataDirectory: string, before: Map<string, { bytes: number; sha256: string }>): void {
  assert(before.size > 0, 'there was no internal log')
  for (const [file, { bytes, sha256 }] of before) {
    const start = readFileSync(`${dataDirectory}/${file}`).subarray(0, bytes)
    assertEqual(
      createHash('sha256').update(start).digest('hex'),
      sha256,
      `SHA-256 of the first ${bytes} bytes of ${file}`,
    )
  }
}

/** The fixture's open transaction is long past its time: it is looked at before anybody ends it. */
const leavesOpen = { settings: ['transaction.abort.timed.out.transaction.cleanup.interval.ms=3600000'] }

async function fixtureServed(bench: Bench): Promise<void> {
  const { place, probe } = bench
  const look = (bootstrap: string) => probe.call('see', { bootstrap, groups: Object.keys(known.groups) })
  const directory = ownDirectory(bench, 'fixture')
  unpackFixture(place.root, directory)
  const known = knownOfFixture(place.root)
  const before = internalLogs(`${directory}/data`)
  let seen: Seen | undefined
  await check(bench, 'Odradek starts and stops on the directory that a Kafka 4.3.1 left', async () => {
    seen = await withOdradek(bench, directory, look, leavesOpen)
  })
  if (!seen) return
  const found = seen
  await check(bench, 'it serves every record of it, and no aborted one', async () => {
    assertSeen({ ...found, configs: {}, groups: {} }, { partitions: known.partitions, configs: {}, groups: {} })
  })
  await check(bench, 'read_committed stops at the last stable offset of an open transaction', async () => {
    const { highWatermark, lastStableOffset, records, readCommittedRecords } = found.partitions['txn-open-0']!
    assertEqual([highWatermark, lastStableOffset, records, readCommittedRecords], [5, 2, 4, 1], 'txn-open-0')
  })
  await check(bench, 'its trimmed topic begins where DeleteRecords left it', async () => {
    assertEqual(found.partitions['trimmed-0']!.firstOffset, 27, 'first offset')
  })
  await check(bench, "it serves the groups' committed offsets", async () => {
    assertSeen({ ...found, partitions: {}, configs: {} }, { partitions: {}, configs: {}, groups: known.groups })
  })
  await check(bench, "it serves the topics' configs", async () => {
    assertSeen({ ...found, partitions: {}, groups: {} }, { partitions: {}, configs: configsOfFixture, groups: {} })
  })
  await check(bench, 'records of kinds that it does not serve survive byte for byte', async () => {
    assertKept(`${directory}/data`, before)
  })
  await check(bench, 'it serves the same when it starts again', async () => {
    assertSeen(await withOdradek(bench, directory, look, leavesOpen), found)
    assertKept(`${directory}/data`, before)
  })
  await check(bench, 'it aborts the open transaction, whose time is over', async () => {
    const end = async (bootstrap: string) => {
      const open = async () => (await look(bootstrap)).partitions['txn-open-0']!
      return eventually(open, ({ highWatermark, lastStableOffset }) => lastStableOffset === highWatermark, 'txn-open-0')
    }
    const { highWatermark, records, readCommittedRecords } = await withOdradek(bench, directory, end)
    assertEqual([highWatermark, records, readCommittedRecords], [6, 4, 1], 'txn-open-0')
  })
}

/** Each alone; a star is any name. */
const missable = [
  '.kafka_cleanshutdown',
  'bootstrap.checkpoint',
  'cleaner-offset-checkpoint',
  'log-start-offset-checkpoint',
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
  '__cluster_metadata-0/quorum-state',
  '__cluster_metadata-0/leader-epoch-checkpoint',
  '__cluster_metadata-0/*.checkpoint',
  'codecs-0/leader-epoch-checkpoint',
]

function remove(dataDirectory: string, file: string): void {
  const [start, end] = file.split('*') as [string, string?]
  const names = end === undefined ? [''] : readdirSync(`${dataDirectory}/${start}`).filter((name) => name.endsWith(end))
  assert(names.length > 0, `the directory has no ${file}`)
  for (const name of names) rmSync(`${dataDirectory}/${start}${name}`)
}

async function filesMissing(bench: Bench): Promise<void> {
  const { place, probe } = bench
  const known = knownOfFixture(place.root)
  const original = ownDirectory(bench, 'whole')
  unpackFixture(place.root, original)
  for (const file of missable) {
    await check(bench, `Odradek serves all of it without ${file}`, async () => {
      const directory = ownDirectory(bench, `without-${file.replaceAll(/[/*]/g, '-')}`)
      cpSync(`${original}/data`, `${directory}/data`, { recursive: true })
      remove(`${directory}/data`, file)
      const look = (bootstrap: string) => probe.call('see', { bootstrap, groups: Object.keys(known.groups) })
      const seen = await withOdradek(bench, directory, look, leavesOpen)
      const partitions: Record<string, Partial<SeenPartition>> = { ...known.partitions }
      // Where DeleteRecords had come to within a segment was written nowhere else.
      if (file === 'log-start-offset-checkpoint') partitions['trimmed-0'] = { logStartOffset: 24, records: 36 }
      assertSeen(seen, { partitions, configs: configsOfFixture, groups: known.groups })
      rmSync(directory, { recursive: true })
    })
  }
}

async function kafkaThenOdradek(bench: Bench): Promise<void> {
  const { probe } = bench
  const directory = ownDirectory(bench, 'kafka')
  const data = `${directory}/data`
  const quorum = 'controller.quorum.bootstrap.servers'
  const look = (bootstrap: string) => probe.call('see', { bootstrap, groups: groupsOfFill })
  let expected: Seen | undefined
  await check(bench, 'Kafka fills a directory', async () => {
    await formatForKafka(bench, directory, quorum)
    expected = await withKafka(bench, directory, { quorum }, async (bootstrap) => {
      await probe.call('fill', { bootstrap })
      await probe.call('fillTransactions', { bootstrap })
      return look(bootstrap)
    })
  })
  if (!expected) return
  const before = internalLogs(data)
  const served = expected
  await check(bench, 'Odradek serves the same on it, transactions and internal topics too', async () => {
    assert(served.partitions['open-0']!.lastStableOffset < served.partitions['open-0']!.highWatermark, 'none is open')
    assertSeen(await withOdradek(bench, directory, look), served)
    assertKept(data, before)
  })
  let continued: Seen | undefined
  await check(bench, 'Odradek goes on writing to it', async () => {
    const seen = await withOdradek(bench, directory, async (bootstrap) => {
      await probe.call('append', { bootstrap, text: 'by Odradek' })
      return look(bootstrap)
    })
    assertEqual(seen.groups.admin!['grown-2']!.metadata, 'by Odradek', 'committed metadata')
    assertEqual(seen.partitions['codecs-0']!.records, served.partitions['codecs-0']!.records + 1, 'records')
    assertKept(data, before)
    continued = seen
  })
  if (!continued) return
  const left = continued
  await check(bench, 'Kafka goes on where Odradek stopped, its transactions as before', async () => {
    await withKafka(bench, directory, { quorum }, async (bootstrap) => {
      assertSeen(userTopics(await look(bootstrap)), userTopics(left))
      await probe.call('append', { bootstrap, text: 'by Kafka' })
    })
  })
}

// --- Odradek's directory, Kafka on it

async function odradekThenKafka(bench: Bench): Promise<void> {
  const { run, tools, probe } = bench
  const directory = ownDirectory(bench, 'odradek')
  const look = async (bootstrap: string) => userTopics(await probe.call('see', { bootstrap, groups: groupsOfFill }))
  let expected: Seen | undefined
  await check(bench, 'Odradek fills a directory', async () => {
    expected = await withOdradek(bench, directory, async (bootstrap) => {
      await probe.call('fill', { bootstrap })
      return look(bootstrap)
    })
    assertEqual(expected.partitions['deleted-0'], undefined, 'the deleted topic')
    const segments = readdirSync(`${directory}/data/segments-0`).filter((name) => name.endsWith('.log')).length
    assert(segments >= 3, `segments-0 has ${segments} segments`)
  })
  if (!expected) return
  let served = expected
  await dumpChecks(run, tools, `${directory}/data`)

  for (const quorum of ['controller.quorum.voters', 'controller.quorum.bootstrap.servers'] as const) {
    await checkClient(run, tools, `Kafka 4.3.1 serves the same on it with ${quorum}`, async () => {
      const from = statSync(probe.logFile).size
      await withKafka(bench, directory, { quorum }, async (bootstrap) => {
        assertSeen(await look(bootstrap), served)
        const states = await probe.call('producerStates', { bootstrap, topic: 'idempotent', partition: 0 })
        const last = states.map(({ epoch, lastSequence }) => [epoch, lastSequence]).sort()
        assertEqual(
          last,
          [
            [0, 19],
            [0, 4],
          ],
          'epochs and last sequences of the idempotent producers',
        )
        await probe.call('append', { bootstrap, text: quorum })
        served = await look(bootstrap)
      })
      const said = (await kafkaLog(bench, from)).split('\n')
      assert(
        said.some((line) => line.includes('since clean shutdown file was found')),
        'Kafka does not say that the directory was cleanly stopped',
      )
      const complaints = said.filter((line) =>
        /(WARN|ERROR) (org\.apache\.)?kafka\.(log|storage|raft|server)\b/.test(line),
      )
      assertEqual(complaints, [], 'what Kafka says of the directory')
    })
  }
  await check(bench, 'Odradek starts again on what that Kafka left, and serves the same', async () => {
    assertSeen(await withOdradek(bench, directory, look), served)
  })
}
