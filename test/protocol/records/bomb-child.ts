/** Run by bombs.test.ts in a process of its own: reads one bomb, and prints what processor time and memory that took. */
import { KafkaError } from '../../../protocol/errors.ts'
import { buildRecordBatch, type Codec, RecordBatchView, recordsOf } from '../../../protocol/records/index.ts'
import { bombs } from './bombs.ts'

const name = process.argv[2]!
for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) read(smallBatch(codec)) // the codecs' libraries are loaded

const bomb = bombs[name]!()
const batch = new RecordBatchView(withRecords(bomb.codec, bomb.bytes))
const peakBefore = process.resourceUsage().maxRSS
let outcome = ''
const cpuMs = cpuMsOf(() => {
  outcome = read(batch)
})
const growthBytes = (process.resourceUsage().maxRSS - peakBefore) * 1024
const touchMs = cpuMsOf(() => Buffer.allocUnsafeSlow(48 * 1024 * 1024).fill(1))
process.stdout.write(JSON.stringify({ batchBytes: batch.sizeInBytes, outcome, cpuMs, touchMs, growthBytes }))

function cpuMsOf(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function read(each: RecordBatchView): string {
  try {
    let records = 0
    for (const _ of recordsOf(each)) records++
    return `${records} records`
  } catch (error) {
    if (error instanceof KafkaError) return error.kafkaError
    throw error
  }
}

function smallBatch(codec: Codec): RecordBatchView {
  return new RecordBatchView(buildRecordBatch({ codec }, [{ timestamp: 1, key: null, value: Buffer.from('small') }]))
}

function withRecords(codec: Codec, bytes: Buffer): Buffer {
  const whole = Buffer.concat([smallBatch(codec).bytes.subarray(0, 61), bytes])
  whole.writeInt32BE(whole.length - 12, 8)
  return whole
}
