/** test: GetTelemetrySubscriptions and PushTelemetry, of a broker without a receiver, which does not advertise them and serves them. */
import { getTelemetrySubscriptions, incrementalAlterConfigs, pushTelemetry } from '../../../protocol/messages/index.ts'
import { type Conversation, scenario } from '../conversation.ts'

const clientMetrics = 16
const noId = 'AAAAAAAAAAAAAAAAAAAAAA'
const metadataId = 'AAAAAAAAAAAAAAAAAAAAAQ'
const ids = [
  'b2RyYWRlay1hLWNsaWVudA',
  'b2RyYWRlay1iLWNsaWVudA',
  'b2RyYWRlay1jLWNsaWVudA',
  'b2RyYWRlay1kLWNsaWVudA',
  'b2RyYWRlay1lLWNsaWVudA',
]
const [subscribed, other, early, compressed, large] = ids as [string, string, string, string, string]

async function want(
  broker: Conversation,
  name: string,
  configs: Readonly<Record<string, string | null>>,
): Promise<void> {
  const resource = {
    resourceType: clientMetrics,
    resourceName: name,
    configs: Object.entries(configs).map(([config, value]) => ({
      name: config,
      configOperation: value === null ? 1 : 0,
      value,
    })),
  }
  const { responses } = await broker.quietly(incrementalAlterConfigs, 1, { resources: [resource] })
  if (responses[0]!.errorCode !== 0) throw new Error(responses[0]!.errorMessage ?? '')
}

/** Subscriptions reach Kafka's brokers a moment later; each look is a new client. */
async function wanted(broker: Conversation, metric: string): Promise<void> {
  await broker.until(getTelemetrySubscriptions, 0, { clientInstanceId: noId }, ({ requestedMetrics }) =>
    requestedMetrics.includes(metric),
  )
}

export const telemetryScenarios = [
  scenario('nobody wants metrics', async (broker) => {
    const answer = await broker.quietly(getTelemetrySubscriptions, 0, { clientInstanceId: other })
    broker.tell('a subscription', 0, { ...answer, subscriptionId: typeof answer.subscriptionId })
    await broker.every('again', getTelemetrySubscriptions, { clientInstanceId: other })
    const push = { clientInstanceId: other, subscriptionId: answer.subscriptionId, metrics: Buffer.alloc(0) }
    await broker.every('a push of nothing', pushTelemetry, push)
    await broker.every('and again', pushTelemetry, push)
  }),

  scenario('pushes', async (broker) => {
    await want(broker, 'all', { metrics: '*', 'interval.ms': '60000', match: 'client_id=comp.*' })
    await want(broker, 'others', { metrics: 'org.apache', 'interval.ms': '30000', match: 'client_id=nobody' })
    await wanted(broker, '*')
    const first = await broker.quietly(getTelemetrySubscriptions, 0, { clientInstanceId: subscribed })
    broker.tell('what is wanted', 0, { ...first, subscriptionId: typeof first.subscriptionId })
    const push = (step: string, more: object = {}) =>
      broker.every(step, pushTelemetry, {
        clientInstanceId: subscribed,
        subscriptionId: first.subscriptionId,
        metrics: Buffer.alloc(0),
        ...more,
      })
    await push('without an id', { clientInstanceId: noId })
    await push('with the id of the metadata topic', { clientInstanceId: metadataId })
    await push('the first')
    await push('too early')
    await push('too early, and the last', { terminating: true })
    await push('after the last')
  }),

  scenario('wrong pushes', async (broker) => {
    const subscription = async (clientInstanceId: string) =>
      (await broker.quietly(getTelemetrySubscriptions, 0, { clientInstanceId })).subscriptionId
    const push = (step: string, body: object) => broker.every(step, pushTelemetry, body)
    const subscriptionId = await subscription(early)
    await push('of another subscription', {
      clientInstanceId: early,
      subscriptionId: subscriptionId + 1,
      metrics: Buffer.alloc(0),
    })
    await broker.every('ask at once', getTelemetrySubscriptions, { clientInstanceId: early })
    await push('and push at once', { clientInstanceId: early, subscriptionId, metrics: Buffer.alloc(0) })
    await broker.every('ask again', getTelemetrySubscriptions, { clientInstanceId: early })
    const id = await subscription(compressed)
    const unknown = { clientInstanceId: compressed, subscriptionId: id, compressionType: 9 }
    await push('an unknown codec', { ...unknown, metrics: Buffer.from('a') })
    await broker.every('ask after that', getTelemetrySubscriptions, { clientInstanceId: compressed })
    const largeId = await subscription(large)
    await push('too large', { clientInstanceId: large, subscriptionId: largeId, metrics: Buffer.alloc(101) })
    for (const name of ['all', 'others']) await want(broker, name, { metrics: null, 'interval.ms': null, match: null })
  }),
]
