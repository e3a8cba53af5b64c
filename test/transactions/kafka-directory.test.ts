/** transactions: the coordinator takes over what Apache Kafka 4.3.1 left in a data directory, an open transaction too. */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { openTransactions } from './open-transactions.ts'

const fixtures = fileURLToPath(new URL('../fixtures/kafka-4.3.1', import.meta.url))

let root: string
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'odradek-transactions-'))
  execFileSync('tar', ['xzf', `${fixtures}/data-dir-4.3.1.tar.gz`, '-C', root])
})
afterAll(() => fs.rmSync(root, { recursive: true, force: true }))

it('knows the transactional ids, and aborts the transaction that was left open when another producer comes', async () => {
  const opened = await openTransactions({ files: nodeFileSystem, path: path.join(root, 'data') })
  const { transactions } = opened.brokers[0]!
  const filter = { stateFilters: [], producerIdFilters: [], durationFilter: -1, transactionalIdPattern: null }
  const { transactionStates } = await transactions.listTransactions(filter)
  expect([...transactionStates].sort((one, other) => Number(one.producerId - other.producerId))).toEqual([
    { transactionalId: 'txn-a', producerId: 2n, transactionState: 'CompleteAbort' },
    { transactionalId: 'txn-b', producerId: 3n, transactionState: 'CompleteCommit' },
    { transactionalId: 'txn-open', producerId: 4n, transactionState: 'Ongoing' },
  ])
  const transactionalId = 'txn-open'
  expect(await transactions.describeTransaction(transactionalId)).toMatchObject({
    producerEpoch: 1,
    transactionTimeoutMs: 900_000,
    topics: [{ topic: 'txn-open', partitions: [0] }],
  })
  const { log } = opened.cluster.topics.byName('txn-open')!.partitions[0]!
  expect([log.lastStableOffset, log.logEndOffset]).toEqual([2, 5])
  const isStable = new Promise<void>((resolve) => {
    log.onAdvance(() => log.lastStableOffset > 5 && resolve())
  })
  const request = { transactionalId, transactionTimeoutMs: 60_000, expected: undefined }
  await expect(transactions.initProducerId(request)).rejects.toMatchObject({ kafkaError: 'CONCURRENT_TRANSACTIONS' })
  await isStable
  expect([log.lastStableOffset, log.logEndOffset]).toEqual([6, 6])
  await opened.close()
})
