/** transactions: no producer id is given twice, also not by two brokers or after a crash. */
import { expect, it } from 'vitest'
import { producerIdBlockSize } from '../../src/cluster/producer-id-blocks.ts'
import { MemoryFileSystem } from '../../src/runtime/memory-file-system.ts'
import { ProducerIds } from '../../src/transactions/producer-ids.ts'
import { openCluster } from '../cluster/open-cluster.ts'

it('gives ids in order, from block to block, also to many at once', async () => {
  const { cluster, brokers } = await openCluster()
  const ids = new ProducerIds(brokers[0]!)
  const given = await Promise.all(Array.from({ length: producerIdBlockSize + 10 }, () => ids.next()))
  expect(given[0]).toBe(0n)
  expect(new Set(given).size).toBe(given.length)
  await cluster.close()
})

it('gives each broker a block of its own', async () => {
  const { cluster, brokers } = await openCluster({ brokers: [1, 2] })
  const [one, other] = brokers.map((broker) => new ProducerIds(broker))
  expect([await one?.next(), await other?.next(), await one?.next()]).toEqual([0n, 1000n, 1n])
  await cluster.close()
})

it('never gives an id again after a power failure', async () => {
  const files = new MemoryFileSystem()
  const { brokers } = await openCluster({ files })
  const ids = new ProducerIds(brokers[0]!)
  expect([await ids.next(), await ids.next()]).toEqual([0n, 1n])
  const survivor = files.afterCrash((_path, _size, syncedSize) => syncedSize)
  const again = await openCluster({ files: survivor, seed: 2 })
  expect(await new ProducerIds(again.brokers[0]!).next()).toBe(1000n)
  await again.cluster.close()
})
