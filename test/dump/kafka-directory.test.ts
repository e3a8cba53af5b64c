/** A data directory that Apache Kafka 4.3.1 left, beside what Kafka's own DumpLogSegments printed of it. */
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../src/dump/entry.ts'
import { dump, inMemory, kafkaFiles, kafkaOutput } from './fixtures.ts'

const kafka = kafkaFiles()
const files = await inMemory(kafka)

/** An entry in the words of DumpLogSegments. */
function asKafkaPrints(entry: Entry): string {
  switch (entry.type) {
    case 'batch':
      return [
        `baseOffset: ${entry.baseOffset} lastOffset: ${entry.lastOffset} count: ${entry.count}`,
        `baseSequence: ${entry.baseSequence} lastSequence: ${entry.lastSequence} producerId: ${entry.producerId}`,
        `producerEpoch: ${entry.producerEpoch} partitionLeaderEpoch: ${entry.partitionLeaderEpoch}`,
        `isTransactional: ${entry.isTransactional} isControl: ${entry.isControl}`,
        `deleteHorizonMs: ${entry.deleteHorizonMs === null ? 'OptionalLong.empty' : `OptionalLong[${entry.deleteHorizonMs}]`}`,
        `position: ${entry.position} ${entry.timestampType}: ${entry.maxTimestamp} size: ${entry.size}`,
        `magic: ${entry.magic} compresscodec: ${entry.compressCodec} crc: ${entry.crc} isvalid: ${entry.isValid}`,
      ].join(' ')
    case 'record':
      return [
        `| offset: ${entry.offset} CreateTime: ${entry.timestamp} keySize: ${entry.keySize} valueSize: ${entry.valueSize}`,
        `sequence: ${entry.sequence} headerKeys: [${(entry.headers as { key: string }[]).map(({ key }) => key)}] `,
      ].join(' ')
    case 'offsetIndex':
      return `offset: ${entry.offset} position: ${entry.position}`
    case 'timeIndex':
      return `timestamp: ${entry.timestamp} offset: ${entry.offset}`
    case 'transactionIndex':
      return [
        `version: ${entry.version} producerId: ${entry.producerId} firstOffset: ${entry.firstOffset}`,
        `lastOffset: ${entry.lastOffset} lastStableOffset: ${entry.lastStableOffset}`,
      ].join(' ')
    case 'producerState':
      return `producerId: ${entry.producerId} producerEpoch: ${entry.producerEpoch} coordinatorEpoch: ${entry.coordinatorEpoch}`
    default:
      return ''
  }
}

const printedLine = /^(baseOffset|\| offset|offset|timestamp|version|producerId): /

/** Lines of entries; what follows a record's header keys and a producer's epochs is in other words. */
function printedLines(name: string): string[] {
  const lines = kafkaOutput(name).filter((line) => printedLine.test(line))
  return lines.map((line) => line.replace(/(headerKeys: \[.*?\] ).*/, '$1').replace(/ currentTxnFirstOffset: .*/, ''))
}

/** Numbers for bigints and base64 for bytes, as Kafka prints them. */
function asJson(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, each) => {
      if (typeof each === 'bigint') return Number(each)
      return each?.type === 'Buffer' ? Buffer.from(each.data).toString('base64') : each
    }),
  )
}

/** Every field that Kafka prints; it leaves out those at their default. */
function expectFields(line: string, entry: Entry): void {
  const key = /key: (\{.*?\}) payload: /.exec(line)?.[1]
  const payload = /payload: (\{.*\})$/.exec(line)?.[1]
  if (key !== undefined) expect(asJson(entry.decodedKey)).toMatchObject({ data: JSON.parse(key).data })
  if (payload === undefined) return
  const { data, version } = JSON.parse(payload) as { data: { members?: unknown }; version: number | string }
  const { members, ...others } = data
  expect(asJson(entry.decodedValue)).toMatchObject({ version: Number(version), data: others })
  if (members !== undefined) expect((entry.decodedValue as { data: object }).data).toHaveProperty('members')
}

describe("Kafka's data directory", () => {
  it('has nothing wrong in it', async () => {
    for (const records of [false, true]) {
      const verified = await dump(files, '/data', { verify: true, records })
      expect(verified.messages()).toEqual([])
      expect(verified.entries).toEqual([
        { type: 'verified', file: '/data', files: kafka.size, batches: 746, bytes: 2_972_769, problems: 0 },
      ])
    }
  })

  it('shows the batches, records, indexes and producers that DumpLogSegments shows', async () => {
    const segments = [...kafka].filter(([name]) => /^txn-0\/0.*\.(log|index|timeindex|txnindex|snapshot)$/.test(name))
    const { entries } = await dump(await inMemory(segments), '/data/txn-0', { records: true })
    const ours = entries.map(asKafkaPrints).filter((line) => line !== '')
    expect(ours).toEqual(printedLines('dump-log-txn-0.txt'))
    expect(ours.length).toBeGreaterThan(70)
  })

  it('shows control records', async () => {
    const { of } = await dump(files, '/data/txn-0/00000000000000000010.log', { records: true })
    const markers = of('record').filter((record) => record.controlType !== undefined)
    const printed = kafkaOutput('dump-log-txn-0.txt').flatMap((line) => {
      const match = /offset: (\d+) .* endTxnMarker: (\w+) coordinatorEpoch: (\d+)/.exec(line)
      return match === null ? [] : [[Number(match[1]), match[2], Number(match[3])]]
    })
    expect(
      markers.map(({ offset, controlType, decodedValue }) => [
        offset,
        controlType,
        (decodedValue as { data: { coordinatorEpoch: number } }).data.coordinatorEpoch,
      ]),
    ).toEqual(printed)
    expect(printed.length).toBeGreaterThan(5)
  })

  it.each([
    ['__consumer_offsets-1/00000000000000000000.log', 'dump-log-consumer-offsets-1.txt'],
    ['__cluster_metadata-0/00000000000000000248-0000000001.checkpoint', 'dump-log-cluster-metadata.txt'],
  ])('decodes the records of %s as DumpLogSegments does', async (name, output) => {
    const { of } = await dump(files, `/data/${name}`, { records: true })
    const records = of('record')
    const printed = kafkaOutput(output).filter((line) => line.startsWith('| offset'))
    expect(records).toHaveLength(printed.length)
    for (const [index, line] of printed.entries()) expectFields(line, records[index]!)
  })

  it('decodes every record of the internal topics', async () => {
    const { of } = await dump(files, '/data', { records: true })
    const internal = of('record').filter(({ file }) => /\/__|\.checkpoint$/.test(file))
    expect(internal.filter((record) => record.undecodable !== undefined)).toEqual([])
    const names = (field: string): unknown[] => [
      ...new Set(internal.flatMap((record) => (record[field] as { name?: unknown } | undefined)?.name ?? [])),
    ]
    expect(names('decodedKey')).toEqual(
      expect.arrayContaining([
        'OffsetCommitKey',
        'GroupMetadataKey',
        'ConsumerGroupMetadataKey',
        'ShareGroupMetadataKey',
        'ShareSnapshotKey',
        'ShareUpdateKey',
        'TransactionLogKey',
      ]),
    )
    expect(names('decodedValue')).toEqual(
      expect.arrayContaining(['TopicRecord', 'PartitionRecord', 'ConfigRecord', 'VotersRecord', 'LeaderChangeMessage']),
    )
    const members = internal.flatMap(
      ({ decodedValue }) => (decodedValue as { data?: { members?: { subscription: unknown }[] } })?.data?.members ?? [],
    )
    expect(members[0]!.subscription).toMatchObject({ topics: expect.any(Array) })
  })

  it('lists the partitions with their offsets, sizes and segments', async () => {
    const { of } = await dump(files, '/data')
    const partitions = of('partition')
    expect(partitions).toHaveLength(new Set([...kafka.keys()].filter((name) => name.includes('/')).map(parentOf)).size)
    expect(partitions.find(({ topic }) => topic === 'trimmed')).toMatchObject({
      partition: 0,
      logStartOffset: 27,
      highWatermark: 60,
      recoveryPoint: 60,
      logEndOffset: 60,
      segments: 6,
    })
    expect(of('segment').filter(({ file }) => file.startsWith('/data/big-0/'))).toEqual([
      { type: 'segment', file: '/data/big-0/00000000000000000000.log', baseOffset: 0, size: 1_048_110 },
      { type: 'segment', file: '/data/big-0/00000000000000000115.log', baseOffset: 115, size: 1_047_480 },
      { type: 'segment', file: '/data/big-0/00000000000000000220.log', baseOffset: 220, size: 798_080 },
    ])
    expect(of('record')).toEqual([])
  })

  it('shows the small files', async () => {
    const { of } = await dump(files, '/data')
    expect(of('metaProperties')[0]!.properties).toMatchObject({ version: '1', 'node.id': '1' })
    expect(of('cleanShutdown')[0]!.content).toEqual({ version: 0, brokerEpoch: 14 })
    expect(of('offsetCheckpoint')).toContainEqual({
      type: 'offsetCheckpoint',
      file: '/data/cleaner-offset-checkpoint',
      topic: 'compacted',
      partition: 0,
      offset: 92,
    })
    const metadata = await dump(files, '/data/__cluster_metadata-0')
    expect(metadata.of('quorumState')[0]!.state).toMatchObject({ leaderId: 1, leaderEpoch: 1, data_version: 1 })
    expect(metadata.of('leaderEpoch')).toHaveLength(1)
    expect(metadata.of('partitionMetadata')[0]).toMatchObject({ version: 0, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' })
  })
})

const parentOf = (name: string): string => name.slice(0, name.indexOf('/'))
