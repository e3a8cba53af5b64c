/** bench: what making one large topic takes, and what it keeps others waiting. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Measuring } from './measuring.ts'
import type { Broker } from './peers.ts'
import { cpuMs } from './process-figures.ts'
import { untilServed, WireClient } from './wire-client.ts'

export const topicRow = 'topic-2000'

const partitions = 2000
const warmUpPartitions = 100
/** Between two questions of the client that asks meanwhile. */
const askEveryMs = 2

interface Creation {
  readonly answeredMs: number
  readonly servedMs: number
  readonly cpuMs: number
  readonly longestWaitMs: number
}

export async function measureTopic(measuring: Measuring): Promise<void> {
  await measuring.row(topicRow, () =>
    measuring.withBroker(async (broker) => {
      const small = await measuring.createTopic(broker, 'small', 1)
      await creation(measuring, broker, { name: 'warm-up', count: warmUpPartitions, asked: small })
      const runs: Creation[] = []
      for (let run = 0; run < measuring.effort.topicCreations; run += 1) {
        runs.push(await creation(measuring, broker, { name: `large-${run}`, count: partitions, asked: small }))
      }
      measuring.noteRuns(topicRow, 'call to all served', 'ms', runs, (run) => run.servedMs)
      measuring.noteRuns(topicRow, 'call to answer', 'ms', runs, (run) => run.answeredMs)
      measuring.noteRuns(topicRow, 'broker CPU', 'ms', runs, (run) => run.cpuMs)
      measuring.noteRuns(topicRow, 'longest wait of another client', 'ms', runs, (run) => run.longestWaitMs)
    }),
  )
}

/** Kafka answers before the logs are there: the topic is served when each partition tells its end. */
async function creation(
  measuring: Measuring,
  broker: Broker,
  { name, count, asked }: { readonly name: string; readonly count: number; readonly asked: string },
): Promise<Creation> {
  return WireClient.with(broker.port, async (client) => {
    const stopped = new AbortController()
    const asking = longestWait(broker, asked, stopped.signal)
    asking.catch(() => undefined) // thrown below
    const [startMs, startCpuMs] = [performance.now(), cpuMs(broker.pid)]
    try {
      const topic = await measuring.createTopic(broker, name, count)
      const answeredMs = performance.now() - startMs
      await untilServed(() => client.listEnds(topic, count))
      const servedMs = performance.now() - startMs
      const cpu = cpuMs(broker.pid) - startCpuMs
      stopped.abort()
      return { answeredMs, servedMs, cpuMs: cpu, longestWaitMs: await asking }
    } finally {
      stopped.abort()
      await asking
    }
  })
}

/** Asks for the versions and for one topic's metadata in turn. In milliseconds. */
async function longestWait(broker: Broker, topic: string, stopped: AbortSignal): Promise<number> {
  return WireClient.with(broker.port, async (client) => {
    let longestMs = 0
    while (!stopped.aborted) {
      for (const ask of [() => client.apiVersions(), () => client.describeTopic(topic)]) {
        const askedMs = performance.now()
        await ask()
        longestMs = Math.max(longestMs, performance.now() - askedMs)
      }
      await delay(askEveryMs)
    }
    return longestMs
  })
}
