// interop: compaction: the same directory is compacted by Kafka and by Odradek, and what both leave is compared batch by batch; then each
// serves what the other has compacted.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { batchesIn } from '../../protocol/records/batches.ts'
import { recordsOf } from '../../protocol/records/record.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { assert, assertEqual } from '../scenarios/report.ts'
import { eventually } from '../scenarios/run.ts'
import { assertSeen, type Bench, check, ownDirectory, withKafka, withOdradek } from './bench.ts'
import { formatForKafka } from './metadata-snapshots.ts'
import type { Seen } from './probe.ts'

const topics = ['plain', 'gzipped', 'append-timed', 'sequenced', 'transacted']
const quorum = 'controller.quorum.bootstrap.servers'
const cleaner = 'log.cleaner.backoff.ms'

export async function compaction(bench: Bench): Promise<void> {
  const { probe } = bench
  const byKafka = ownDirectory(bench, 'compacted-by-kafka')
  const byOdradek = ownDirectory(bench, 'compacted-by-odradek')
  await check(bench, 'Kafka fills topics that are to be compacted', async () => {
    await formatForKafka(bench, byKafka, quorum)
    const properties = { 'log.cleaner.enable': 'false' }
    await withKafka(bench, byKafka, { quorum, properties }, (bootstrap) => probe.call('fillCompacted', { bootstrap }))
    cpSync(`${byKafka}/data`, `${byOdradek}/data`, { recursive: true })
  })
  // The second round has everything to do again; tombstones and markers are past their time then.
  for (const round of ['first', 'second']) {
    await check(bench, `Odradek leaves what Kafka leaves of a ${round} compaction, batch by batch`, async () => {
      for (const directory of [byKafka, byOdradek]) rmSync(checkpointOf(directory), { force: true })
      await withKafka(bench, byKafka, { quorum, properties: { [cleaner]: '100' } }, () => compacted(byKafka))
      await withOdradek(bench, byOdradek, () => compacted(byOdradek), {
        settings: [`${cleaner}=100`],
      })
      assertEqual(cleanedOffsets(byOdradek), cleanedOffsets(byKafka), 'cleaner-offset-checkpoint')
      for (const topic of topics) assertSameBatches(`${byKafka}/data/${topic}-0`, `${byOdradek}/data/${topic}-0`, topic)
    })
  }
  await check(bench, 'Kafka serves what Odradek has compacted, and Odradek what Kafka has', async () => {
    const look = (bootstrap: string) => probe.call('see', { bootstrap, groups: [] })
    const own: Seen = await withOdradek(bench, byOdradek, look)
    assertSeen(await withKafka(bench, byOdradek, { quorum }, look), own)
    assertSeen(await withOdradek(bench, byKafka, look), own)
  })
}

const checkpointOf = (directory: string) => `${directory}/data/cleaner-offset-checkpoint`

/** A line for each partition that was compacted. */
function cleanedOffsets(directory: string): string[] {
  if (!existsSync(checkpointOf(directory))) return []
  return readFileSync(checkpointOf(directory), 'utf8')
    .split('\n')
    .filter((line) => / 0 [1-9]\d*$/.test(line))
    .sort()
}

async function compacted(directory: string): Promise<void> {
  const isDone = (lines: readonly string[]) =>
    topics.every((topic) => lines.some((line) => line.startsWith(`${topic} `)))
  await eventually(async () => cleanedOffsets(directory), isDone, 'compacted partitions')
}

function assertSameBatches(byKafka: string, byOdradek: string, topic: string): void {
  const expected = describeLog(byKafka)
  const found = describeLog(byOdradek)
  assert(expected.length > 10, `${topic} has only ${expected.length} batches left`)
  for (const [index, batch] of expected.entries()) assertEqual(found[index], batch, `batch ${index} of ${topic}`)
  assertEqual(found.length, expected.length, `batches of ${topic}`)
}

/** A line for each batch that says all of it, save when exactly a tombstone may go: that is the time of compaction. */
function describeLog(directory: string): string[] {
  const lines: string[] = []
  for (const name of readdirSync(directory)
    .filter((each) => each.endsWith('.log'))
    .sort()) {
    for (const batch of batchesIn(readFileSync(`${directory}/${name}`))) lines.push(`${name} ${describeBatch(batch)}`)
  }
  return lines
}

function describeBatch(batch: RecordBatchView): string {
  assert(batch.isCrcValid(), `the checksum of the batch at ${batch.baseOffset} is wrong`)
  const { baseOffset, lastOffset, producerId, producerEpoch, baseSequence, partitionLeaderEpoch, codec } = batch
  const base = batch.hasDeleteHorizon ? 'delete horizon' : batch.baseTimestamp
  const kind = `${batch.isControl ? 'control' : 'data'}${batch.isTransactional ? ' transactional' : ''} ${batch.timestampType}`
  const header = [baseOffset, lastOffset, producerId, producerEpoch, baseSequence, partitionLeaderEpoch, codec, kind]
  const records = [...recordsOf(batch)].map(
    ({ offset, timestamp, key, value, headers }) =>
      `${offset} ${timestamp} ${key?.toString('hex')} ${value?.toString('hex')} ${headers.length}`,
  )
  return [...header, base, batch.maxTimestamp, ...records].join(' ')
}
