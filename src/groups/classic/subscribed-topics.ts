/** groups: what the subscriptions of a consumer group's members say about topics. */
import { consumerProtocolSubscription } from '../../../protocol/state/index.ts'

/** undefined where it can't be told. */
export function subscribedTopics(subscriptions: readonly (Buffer | undefined)[]): Set<string> | undefined {
  const subscribed = new Set<string>()
  for (const subscription of subscriptions) {
    const topics = topicsOf(subscription)
    if (topics === undefined) return undefined
    for (const topic of topics) subscribed.add(topic)
  }
  return subscribed
}

function topicsOf(subscription: Buffer | undefined): string[] | undefined {
  if (subscription === undefined) return undefined
  try {
    // Every version, also a later one, starts as version 0 does: it is read as a key is, whatever its version field says.
    return consumerProtocolSubscription.decodeKey(subscription).topics
  } catch {
    return undefined // not of the consumer protocol: the caller is told that nothing is known
  }
}
