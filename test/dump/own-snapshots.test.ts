/** dump: snapshots that Odradek made of Kafka's metadata have nothing wrong, and hold what Kafka's log held. */
import { expect, it } from 'vitest'
import { openCluster } from '../cluster/open-cluster.ts'
import { dump, inMemory, kafkaFiles } from './fixtures.ts'

it('a snapshot of our own is whole, and has the users, rules and quotas of the log that it replaces', async () => {
  const files = await inMemory(kafkaFiles())
  const before = await dump(files, '/data/__cluster_metadata-0', { records: true })
  const settings = { 'metadata.log.max.record.bytes.between.snapshots': '1', 'metadata.max.retention.bytes': '1' }
  const { cluster } = await openCluster({ files, settings })
  await cluster.close()
  const names = (await files.list('/data/__cluster_metadata-0')).filter((name) => name.endsWith('.checkpoint'))
  expect(names).toHaveLength(1)
  const after = await dump(files, `/data/__cluster_metadata-0/${names[0]}`, { records: true })
  expect(after.messages()).toEqual([])
  const verified = await dump(files, '/data', { records: true, verify: true })
  expect(verified.messages()).toEqual([])
  const valuesOf = (entries: typeof before.entries, kind: string) =>
    entries
      .filter((entry) => (entry.decodedValue as { name: string } | undefined)?.name === kind)
      .map(({ value }) => (value as Buffer).toString('hex'))
  for (const kind of ['UserScramCredentialRecord', 'AccessControlEntryRecord', 'ClientQuotaRecord']) {
    const found = valuesOf(after.entries, kind)
    expect(found.length, kind).toBeGreaterThan(0)
    expect(new Set(found), kind).toEqual(new Set(valuesOf(before.entries, kind)))
  }
})

it('a snapshot that Kafka did not finish is known by its name', async () => {
  const files = await inMemory([['00000000000000000001-0000000001-123456789.checkpoint.part', Buffer.alloc(10)]])
  const { messages } = await dump(files, '/data/00000000000000000001-0000000001-123456789.checkpoint.part')
  expect(messages().join()).toContain('no snapshot footer')
})
