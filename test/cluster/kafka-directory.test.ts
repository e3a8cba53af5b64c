/** cluster: a data directory that Apache Kafka 4.3.1 left is opened, with all its topics, configs and the records that we don't serve. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { openCluster } from './open-cluster.ts'

const fixtures = fileURLToPath(new URL('../fixtures/kafka-4.3.1', import.meta.url))
const expected = JSON.parse(fs.readFileSync(`${fixtures}/data-dir-4.3.1.json`, 'utf8')) as {
  partitions: Record<string, { logStartOffset: number; logEndOffset: number }>
}

let root: string
let data: string
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-cluster-'))
  execFileSync('tar', ['xzf', `${fixtures}/data-dir-4.3.1.tar.gz`, '-C', root])
  data = path.join(root, 'data')
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

it('leads every partition of the directory, from the offsets that Kafka saw', async () => {
  const metadataLog = path.join(data, '__cluster_metadata-0/00000000000000000000.log')
  const before = fs.readFileSync(metadataLog)
  const { cluster, brokers } = await openCluster({ files: nodeFileSystem, path: data })
  const names = Object.keys(expected.partitions).filter((name) => !name.startsWith('__cluster_metadata'))
  const found = Object.fromEntries(
    [...cluster.topics.partitions()].map(({ topic, index, name }) => {
      const { logStartOffset, logEndOffset } = brokers[0]!.leaderFor(topic, index).log
      return [name, { logStartOffset, logEndOffset }]
    }),
  )
  expect(Object.keys(found).sort()).toEqual(names.sort())
  for (const name of names) {
    const { logStartOffset, logEndOffset } = expected.partitions[name]!
    expect(found[name], name).toEqual({ logStartOffset, logEndOffset })
  }
  expect(cluster.topics.byName('to-be-deleted')).toBeUndefined()
  expect(cluster.dynamicConfigs.of('topic', 'codecs').get('retention.ms')).toBe('-1')
  expect(cluster.config.get('min.insync.replicas')).toBe(1)
  expect(cluster.features.level('metadata.version')).toBe(30)
  expect(cluster.features.level('group.version')).toBe(1)
  expect(cluster.clusterId).toBe('MkU3OEVBNTcwNTJENDM2Qg')
  // Kafka's next block of producer ids is not given a second time.
  const { firstProducerId } = await cluster.allocateProducerIds(brokers[0]!)
  expect(firstProducerId).toBeGreaterThanOrEqual(1000n)
  await cluster.close()
  const after = fs.readFileSync(metadataLog)
  expect(after.subarray(0, before.length).equals(before)).toBe(true)
  const again = await openCluster({ files: nodeFileSystem, path: data, seed: 2 })
  expect([...again.cluster.topics.partitions()]).toHaveLength(names.length)
  await again.cluster.close()
})
