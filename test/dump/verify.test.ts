/** What is wrong with a file is said in a line, with the byte where it is. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildMessageSet, buildRecordBatch, RecordBatchView, updateCrc } from '../../protocol/records/index.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { temporaryDirectory } from '../broker/temporary-directory.ts'
import { batch, records } from '../log/fixtures.ts'
import { dump, inMemory, kafkaFiles } from './fixtures.ts'

const kafka = kafkaFiles()
const log = 'topic-0/00000000000000000000.log'

function at(baseOffset: number, count = 1): Buffer {
  return batch(count, {}, { baseOffset })
}

async function verify(contents: Iterable<readonly [string, Buffer | string]>, target = '/data/topic-0') {
  return await dump(await inMemory(contents), target, { verify: true, records: true })
}

const entries = (...words: readonly [bytes: 4 | 8, value: number][][]): Buffer =>
  Buffer.concat(
    words.flat().map(([bytes, value]) => {
      const word = Buffer.alloc(bytes)
      if (bytes === 4) word.writeInt32BE(value)
      else word.writeBigInt64BE(BigInt(value))
      return word
    }),
  )

describe('verifying a log', () => {
  const first = at(0, 3)
  const second = at(3, 2)

  it('finds a damaged batch, and goes on behind it', async () => {
    const bytes = Buffer.concat([first, second, at(5)])
    bytes[first.length + 65]! ^= 1
    const { messages, of } = await verify([[log, bytes]])
    expect(messages()[0]).toMatch(
      new RegExp(
        `^\\d+\\.log: ${first.length}: the checksum of a batch of ${second.length} bytes is not its crc \\d+$`,
      ),
    )
    expect(of('verified')).toMatchObject([{ batches: 3, files: 1 }])
  })

  it('finds a torn tail', async () => {
    const { messages } = await verify([[log, Buffer.concat([first, second.subarray(0, 40)])]])
    expect(messages()).toEqual([
      `00000000000000000000.log: ${first.length}: a batch of ${second.length} bytes starts here, but only 40 are left: torn`,
    ])
    const shorter = await verify([[log, Buffer.concat([first, second.subarray(0, 10)])]])
    expect(shorter.messages()).toEqual([
      `00000000000000000000.log: ${first.length}: 10 bytes are left, too few for a batch: torn`,
    ])
  })

  it('finds what is no batch', async () => {
    const zeros = await verify([[log, Buffer.concat([first, Buffer.alloc(100)])]])
    expect(zeros.messages()).toEqual([
      `00000000000000000000.log: ${first.length}: no batch starts here: zeros; 100 bytes up to the file's end can't be read`,
    ])
    const magic = Buffer.from(second)
    magic[16] = 9
    const { messages } = await verify([[log, Buffer.concat([first, magic])]])
    expect(messages()[0]).toContain('Invalid magic found in record: 9')
  })

  it('finds offsets that do not ascend, in a batch, between batches and between segments', async () => {
    const between = await verify([[log, Buffer.concat([first, at(2)])]])
    expect(between.messages()).toEqual([
      `00000000000000000000.log: ${first.length}: a batch has base offset 2, but the batches before it need 3 or more`,
    ])
    const name = await verify([['topic-0/00000000000000000009.log', first]])
    expect(name.messages()).toEqual([
      "00000000000000000009.log: 0: a batch has base offset 0, but the file's name says 9 or more",
    ])
    const segments = await verify([
      [log, first],
      ['topic-0/00000000000000000001.log', at(1)],
    ])
    expect(segments.messages()).toEqual([
      '00000000000000000001.log: 0: the segment starts at offset 1, but the one before it ends with 2',
    ])
    const counted = at(0, 3)
    counted.writeInt32BE(1, 23)
    updateCrc(new RecordBatchView(counted))
    const inside = await verify([[log, counted]])
    expect(inside.messages()).toEqual([
      '00000000000000000000.log: 0: a batch of offsets 0 to 1 says it has 3 records',
      '00000000000000000000.log: 0: a record in a batch has offset 2, 2 to 1 expected',
    ])
  })

  it('finds records that cannot be read', async () => {
    const compressed = buildRecordBatch({ codec: 'gzip' }, records(3))
    compressed[61]! ^= 0xff
    updateCrc(new RecordBatchView(compressed))
    const { messages } = await verify([[log, compressed]])
    expect(messages()).toEqual([expect.stringMatching(/0: the records of a batch can't be read: /)])
  })

  it('reads message sets of magic 0 and 1, and batches larger than a piece', async () => {
    const large = batch(1, { valueBytes: 3_000_000 }, { baseOffset: 5 })
    const plain = buildMessageSet(0, {}, records(2))
    const wrapped = buildMessageSet(1, { codec: 'gzip', baseOffset: 2 }, records(3))
    const bytes = Buffer.concat([plain, wrapped, large, at(6)])
    const whole = await verify([[log, bytes]])
    expect(whole.messages()).toEqual([])
    expect(whole.of('verified')).toMatchObject([{ batches: 5 }])
    bytes[bytes.length - 2_000_000]! ^= 1
    expect((await verify([[log, bytes]])).messages()).toEqual([expect.stringContaining('the checksum of a batch')])
  })
})

describe('a batch that is too large for memory', () => {
  it('is checked piece by piece', async () => {
    const bytes = Buffer.concat([batch(1, { valueBytes: 65 * 1024 * 1024 }), at(1)])
    const path = join(await temporaryDirectory(), '00000000000000000000.log')
    await writeFile(path, bytes)
    const whole = await dump(nodeFileSystem, path, { verify: true })
    expect(whole.entries).toMatchObject([{ type: 'verified', batches: 2, bytes: bytes.length, problems: 0 }])
    const read = await dump(nodeFileSystem, path, { verify: true, records: true })
    expect(read.messages()).toEqual([expect.stringContaining('are too many to read')])
    bytes[50_000_000]! ^= 1
    await writeFile(path, bytes)
    expect((await dump(nodeFileSystem, path, { verify: true })).problems).toBe(1)
  })
})

describe('verifying indexes', () => {
  const first = at(0, 3)
  const second = at(3, 2)
  const third = at(5)
  const segment = [log, Buffer.concat([first, second, third])] as const
  const index = 'topic-0/00000000000000000000.index'
  const timeindex = 'topic-0/00000000000000000000.timeindex'
  const thirdAt = first.length + second.length
  const timestamp = new RecordBatchView(first).maxTimestamp

  const messagesOf = async (name: string, content: Buffer): Promise<string[]> =>
    (await verify([segment, [name, content]])).messages().map((message) => message.replace(/^\S+ /, ''))

  it('takes a true one, with the room behind its entries', async () => {
    const entry = entries([
      [4, 4],
      [4, first.length],
    ])
    expect(await messagesOf(index, Buffer.concat([entry, Buffer.alloc(800)]))).toEqual([])
    const time = entries([
      [8, timestamp],
      [4, 2],
    ])
    expect(await messagesOf(timeindex, Buffer.concat([time, Buffer.alloc(1200)]))).toEqual([])
  })

  it('finds an offset entry that lies', async () => {
    const content = entries(
      [
        [4, 4],
        [4, first.length + 1],
      ],
      [
        [4, 6],
        [4, thirdAt],
      ],
      [
        [4, 7],
        [4, 100_000],
      ],
    )
    expect(await messagesOf(index, content)).toEqual([
      `0: offset 4 points to byte ${first.length + 1}, where no batch starts`,
      `8: offset 6 points to byte ${thirdAt}, where a batch ends with offset 5`,
      '16: offset 7 points to byte 100000, where no batch starts',
    ])
  })

  it('finds entries out of order, and half an entry', async () => {
    const content = entries(
      [
        [4, 5],
        [4, thirdAt],
      ],
      [
        [4, 4],
        [4, first.length],
      ],
      [[4, 9]],
    )
    expect(await messagesOf(index, content)).toEqual([
      '16: 4 bytes are left, but an entry has 8',
      '8: offset 4 is not above 5 of the entry before',
    ])
  })

  it('finds a time entry that lies', async () => {
    const content = entries(
      [
        [8, timestamp - 1],
        [4, 2],
      ],
      [
        [8, timestamp],
        [4, 9],
      ],
    )
    expect(await messagesOf(timeindex, content)).toEqual([
      `0: timestamp ${timestamp - 1} is said of offset 2, but its batch at byte 0 has ${timestamp}`,
      '12: offset 9 is in no batch',
    ])
  })

  it('finds an aborted transaction without its marker, and an index without its log', async () => {
    const name = 'txn-0/00000000000000000010.txnindex'
    const content = Buffer.from(kafka.get(name)!)
    content[9]! ^= 4
    const logName = 'txn-0/00000000000000000010.log'
    const lied = await verify([[logName, kafka.get(logName)!] as const, [name, content]], `/data/${name}`)
    expect(lied.messages()).toEqual(['00000000000000000010.txnindex: 0: no marker of producer 7 is at offset 11'])
    const alone = await verify([[name, content]], `/data/${name}`)
    expect(alone.messages()).toEqual([
      '00000000000000000010.txnindex: null: there is no .log beside it to compare it with',
    ])
  })
})

describe('verifying the small files', () => {
  const snapshot = kafka.get('txn-0/00000000000000000049.snapshot')!
  const flipped = Buffer.from(snapshot)
  flipped[20]! ^= 1

  it.each<[name: string, content: Buffer | string, message: RegExp]>([
    ['topic-0/00000000000000000049.snapshot', flipped, /^2: the checksum \d+ is not the crc \d+$/],
    ['topic-0/00000000000000000049.snapshot', snapshot.subarray(0, 30), /^2: the checksum/],
    ['topic-0/00000000000000000049.snapshot', 'x', /^0: 1 bytes are no producer snapshot$/],
    ['topic-0/leader-epoch-checkpoint', '0\n2\n0 0\n', /^2: 2 entries are announced, 1 are there$/],
    ['topic-0/leader-epoch-checkpoint', '0\n2\n1 5\n1 7\n', /^8: epoch 1 at 7 is not above the one before$/],
    ['topic-0/leader-epoch-checkpoint', '7\n0\n', /^0: version "7" is not known$/],
    ['topic-0/partition.metadata', 'version: 0\n', /^0: it has no topic id$/],
    ['topic-0/quorum-state', '{', /^0: no JSON: /],
    ['topic-0/quorum-state', '{"data_version":1}', /^0: it has no leaderEpoch$/],
    ['meta.properties', 'version=1\nnode.id=1\ncluster.id=x\n', /^null: directory.id is missing$/],
    ['recovery-point-offset-checkpoint', '0\n1\ntopic x 5\n', /^4: a line is not "topic partition offset"$/],
    ['topic-0/00000000000000000001-0000000001.checkpoint', at(0), /^0: no snapshot header$/],
  ])('finds what is wrong with %s', async (name, content, message) => {
    const { messages } = await verify([[name, content]], `/data/${name}`)
    expect(messages()[0]!.replace(/^\S+ /, '')).toMatch(message)
  })

  it('says in one line that a path is nothing of Kafka', async () => {
    const files = await inMemory([['notes/hello.txt', 'hello']])
    await expect(dump(files, '/data/notes/hello.txt')).rejects.toThrow(
      /hello.txt: its name is none of a file that Kafka/,
    )
    await expect(dump(files, '/data/notes')).rejects.toThrow('/data/notes is neither a log directory nor a partition')
    await expect(dump(files, '/data/none')).rejects.toThrow(/ENOENT/)
  })
})
