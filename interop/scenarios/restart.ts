// interop: the broker is stopped and started again on its directory and port, under clients that stay connected.
import type { Client } from './client.ts'
import { assert, assertEqual } from './report.ts'
import { checkClient, eachClient, eventually, type Run, text } from './run.ts'

const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({
    partition: 0,
    key: null,
    value: text(`record-${from + index}`),
    headers: [],
  }))

const values = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `record-${from + index}`)

/** Before and after in one list, so that each client's checks stay together. */
export async function restart(run: Run): Promise<void> {
  const restartBroker = run.broker.restart
  if (!restartBroker) {
    console.log(`skip restart: ${run.broker.name} is not ours to restart`)
    return
  }
  const names = (client: Client) => {
    const topic = `${run.prefix}restart-${client.name}`
    return { topic, group: `${topic}-group`, live: `${topic}-live`, member: `${topic}-member` }
  }
  const ready = new Set<Client>()
  await eachClient(run, async (client) => {
    const { topic, group, live, member } = names(client)
    const passed = await checkClient(run, client, 'commits offsets before a restart', async () => {
      await run.hands.call('createTopic', { topic, partitions: 1 })
      await run.hands.call('createTopic', { topic: live, partitions: 1 })
      await client.call('produce', { topic, codec: 'none', idempotent: true, records: records(0, 10) })
      assertEqual(await client.call('consumeInGroup', { group, topic, count: 5 }), values(0, 5), 'records read')
      await client.call('join', {
        group: `${live}-group`,
        topic: live,
        assignor: client.description.assignors[0]!,
        member,
      })
      await client.call('produce', { topic: live, codec: 'none', records: records(0, 1) })
      await eventually(
        () => client.call('received', { member }),
        (received) => received.includes('0:record-0'),
        'records',
      )
    })
    if (passed) ready.add(client)
  })

  const restarted = await run.report.check(
    'all',
    'the broker stops within 10 s of SIGTERM and starts again',
    async () => {
      const stoppedAfter = await restartBroker.call(run.broker)
      assert(stoppedAfter < 10_000, `it took ${stoppedAfter} ms to stop`)
    },
  )
  if (!restarted) return
  // Apache Kafka listens before it has loaded its groups, and not every client's admin asks again then.
  for (const client of ready) {
    const { topic, group } = names(client)
    const committed = () => run.hands.call('committed', { group, topic, partitions: 1 })
    await eventually(committed, () => true, 'committed offsets').catch(() => undefined)
  }

  await eachClient(run, async (client) => {
    if (!ready.has(client)) return
    const { topic, group, live, member } = names(client)
    if (client.can('committed')) {
      await checkClient(run, client, 'finds its committed offsets after a restart', async () => {
        const committed = await client.call('committed', { group, topic, partitions: 1 })
        assertEqual(
          committed.map(({ offset }) => offset),
          [5],
          'committed offsets',
        )
      })
    }
    await checkClient(run, client, 'goes on as an idempotent producer after a restart', async () => {
      await client.call('produce', { topic, codec: 'none', idempotent: true, records: records(10, 15) })
    })
    await checkClient(run, client, 'reads on from its committed offset after a restart', async () => {
      assertEqual(await client.call('consumeInGroup', { group, topic, count: 10 }), values(5, 15), 'records read')
    })
    await checkClient(run, client, 'a member that stayed is handed records after a restart', async () => {
      await client.call('produce', { topic: live, codec: 'none', records: records(1, 3) })
      await eventually(
        () => client.call('received', { member }),
        (received) => received.includes('0:record-2'),
        'records',
        45_000,
      )
    })
    await client.call('leave', { member }).catch(() => null)
  })
}
