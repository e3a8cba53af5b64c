// interop: what each client writes, with each codec, must be read by each other client as it was written.
import { createHash, randomBytes } from 'node:crypto'
import type { Client } from './client.ts'
import { type Kind, sampleRecord, samples } from './records.ts'
import { assert, assertEqual } from './report.ts'
import { checkClient, eachClient, expectCode, type Run, text } from './run.ts'
import { type Codec, codecs, type ReadRecord, type WireRecord } from './wire.ts'

const smallRecords = 10_000
const largeRecords = 3
const largeBytes = 1 << 20

export async function produceAndConsume(run: Run): Promise<void> {
  await createTopics(run)
  const written = new Map<Client, Written>()
  await eachClient(run, async (client) => {
    written.set(client, await write(run, client))
  })
  await eachClient(run, async (reader) => {
    for (const writer of run.clients) await readBack(run, reader, writer, written.get(writer)!)
  })
}

type Written = { codecs: Set<Codec>; small: boolean; large: boolean; idempotent: boolean }

const topicOf = (run: Run, what: string, client: Client) => `${run.prefix}${what}-${client.name}`

async function createTopics(run: Run): Promise<void> {
  for (const client of run.clients) {
    const create = (what: string, partitions: number, configs: Record<string, string> = {}) =>
      run.hands.call('createTopic', { topic: topicOf(run, what, client), partitions, configs })
    await create('codecs', codecs.length)
    await create('small', 1)
    await create('large', 1, { 'max.message.bytes': String(4 << 20) })
    await create('limited', 1)
    await create('idempotent', 1)
  }
}

/** The kinds of record that a client can write, in the order of the samples. */
const samplesOf = (writer: Client) =>
  samples.filter((sample) => writer.description.allowances.cannotWrite[sample.kind] === undefined)

function smallRecord(index: number): WireRecord {
  return { partition: 0, key: text(`key-${index % 100}`), value: text(`record-${index}`), headers: [] }
}

/** Incompressible, the same in each run of a process. */
const largeValues = Array.from({ length: largeRecords }, () => randomBytes(largeBytes))

const largeRecord = (value: Buffer): WireRecord => ({
  partition: 0,
  key: text('large'),
  value: value.toString('base64'),
  headers: [],
})

async function write(run: Run, client: Client): Promise<Written> {
  const written: Written = { codecs: new Set(), small: false, large: false, idempotent: false }
  const produce = (what: string, codec: Codec, records: WireRecord[], idempotent = false) =>
    client.call('produce', { topic: topicOf(run, what, client), codec, records, idempotent })

  for (const codec of client.description.codecs) {
    const records = samplesOf(client).map((sample) => sampleRecord(sample, codecs.indexOf(codec)))
    const passed = await checkClient(run, client, `writes records with codec ${codec}`, async () => {
      await produce('codecs', codec, records)
    })
    if (passed) written.codecs.add(codec)
  }
  written.small = await checkClient(run, client, 'writes 10,000 small records', async () => {
    const records = Array.from({ length: smallRecords }, (_, index) => smallRecord(index))
    await produce('small', 'none', records)
  })
  written.large = await checkClient(run, client, 'writes records of 1 MiB', async () => {
    await produce('large', 'none', largeValues.map(largeRecord))
  })
  await checkClient(run, client, 'is told that a record is larger than max.message.bytes', async () => {
    const record = largeRecord(Buffer.alloc((1 << 20) + 4096, 'x'))
    await expectCode(10, 'MESSAGE_TOO_LARGE', produce('limited', 'none', [record]))
  })
  written.idempotent = await checkClient(run, client, 'writes as an idempotent producer', async () => {
    for (let batch = 0; batch < 8; batch++) {
      const records = Array.from({ length: 5 }, (_, index) => smallRecord(batch * 5 + index))
      await produce('idempotent', 'lz4', records, true)
    }
  })
  return written
}

async function readBack(run: Run, reader: Client, writer: Client, written: Written): Promise<void> {
  const from = reader === writer ? 'its own' : `${writer.name}'s`
  let records: ReadRecord[] = []
  const expected = samplesOf(writer)
  const reading = reader
    .call('consume', {
      topic: topicOf(run, 'codecs', writer),
      partitions: codecs.length,
      count: written.codecs.size * expected.length,
    })
    .then((read) => {
      records = read
    })
  reading.catch(() => {})
  for (const codec of written.codecs) {
    await checkClient(run, reader, `reads ${from} records with codec ${codec}`, async () => {
      await reading
      const partition = codecs.indexOf(codec)
      compare(reader, expected, partition, records)
    })
  }
  const readDigest = async (what: string, count: number, sha256: string) => {
    const answer = await reader.call('consumeDigest', { topic: topicOf(run, what, writer), count })
    assertEqual(answer.count, count, 'records read')
    assert(answer.sha256 === sha256, 'the records read are not the ones written')
  }
  if (written.small) {
    await checkClient(run, reader, `reads ${from} 10,000 small records`, () =>
      readDigest('small', smallRecords, smallDigest(smallRecords)),
    )
  }
  if (written.large) {
    await checkClient(run, reader, `reads ${from} records of 1 MiB`, () =>
      readDigest('large', largeRecords, digest(largeValues.map((value) => ['large', value]))),
    )
  }
  if (written.idempotent) {
    await checkClient(run, reader, `reads ${from} idempotent writes, each once and in order`, () =>
      readDigest('idempotent', 40, smallDigest(40)),
    )
  }
}

function compare(reader: Client, expected: readonly { kind: Kind }[], partition: number, all: ReadRecord[]): void {
  const read = all.filter((record) => record.partition === partition).sort((a, b) => a.offset - b.offset)
  assertEqual(read.length, expected.length, 'records read')
  const now = Date.now()
  expected.forEach((sample, index) => {
    const wanted = sampleRecord(sample as (typeof samples)[number], partition)
    const record = read[index]!
    const { nullHeaderValue } = reader.description.allowances.readsAs[sample.kind] ?? {}
    const headers = wanted.headers.map(([name, value]) => [
      name,
      value ?? (nullHeaderValue as string | undefined) ?? null,
    ])
    assertEqual(record.offset, index, `offset of '${sample.kind}'`)
    assertEqual(record.key, wanted.key, `key of '${sample.kind}'`)
    assertEqual(record.value, wanted.value, `value of '${sample.kind}'`)
    assertEqual(record.headers, headers, `headers of '${sample.kind}'`)
    assert(Math.abs(now - record.timestamp) < 30 * 60_000, `'${sample.kind}' has the time ${record.timestamp}`)
  })
}

/** As digestRecord in scenarios/agent.ts: int32 length and bytes of key and value. */
function digest(records: [string, string | Buffer][]): string {
  const hash = createHash('sha256')
  for (const bytes of records.flat()) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(Buffer.byteLength(bytes))
    hash.update(length).update(bytes)
  }
  return hash.digest('hex')
}

const smallDigest = (count: number) =>
  digest(Array.from({ length: count }, (_, index) => [`key-${index % 100}`, `record-${index}`]))
