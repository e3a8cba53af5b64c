/**
 * groups/consumer: subscriptions by regular expression: what changes with a member's, when those of a group are resolved anew, and what
 * comes of it. They are resolved outside of the group's commands, so that a first heartbeat is answered before; then the group has a
 * new epoch. Source: Kafka's GroupMetadataManager and TopicRegexResolver.
 */
import type { ConsumerGroupChange } from './consumer-group-change.ts'
import type { ConsumerGroupContext, ConsumerGroupEntry } from './consumer-group-context.ts'
import type { ConsumerGroupMember } from './consumer-group-member.ts'
import { metadataHash } from './metadata-hash.ts'
import { requireRegularExpression } from './topic-regular-expressions.ts'

/** A group's regular expressions are not resolved more often. */
const minRefreshIntervalMs = 10_000

/**
 * none: the member's regular expression is the same. unresolved: it is another one, and its topics are not known. resolved: they are.
 */
export type RegularExpressionChange = 'none' | 'unresolved' | 'resolved'

/** @throws KafkaError INVALID_REGULAR_EXPRESSION */
export function changeRegularExpression(
  change: ConsumerGroupChange,
  member: ConsumerGroupMember,
  updated: ConsumerGroupMember,
): RegularExpressionChange {
  const { regularExpressionSubscribers: subscribers, regularExpressions } = change.group
  const old = member.subscribedTopicRegex
  const next = updated.subscribedTopicRegex
  if (old === next) return 'none'
  if (next !== '' && !subscribers.has(next)) requireRegularExpression(next)
  if (old !== '' && subscribers.get(old) === 1) change.putRegularExpression(old, null)
  if (next === '') return 'resolved'
  return subscribers.has(next) && regularExpressions.has(next) ? 'resolved' : 'unresolved'
}

/** The regular expressions to resolve now; empty: none. */
export function regularExpressionsToResolve(
  { clock, topics, configs }: ConsumerGroupContext,
  { group, isResolving }: ConsumerGroupEntry,
  member: ConsumerGroupMember,
  updated: ConsumerGroupMember,
): ReadonlySet<string> {
  const none: ReadonlySet<string> = new Set()
  const next = updated.subscribedTopicRegex
  const isNew = next !== '' && !group.regularExpressionSubscribers.has(next)
  if (isResolving || (!isNew && group.regularExpressionSubscribers.size === 0)) return none
  const nowMs = clock.now()
  const [resolved] = group.regularExpressions.values()
  const lastMs = resolved?.timestampMs ?? Number.NEGATIVE_INFINITY
  if (nowMs <= lastMs + minRefreshIntervalMs) return none
  const wanted = new Set(group.regularExpressionSubscribers.keys())
  const old = member.subscribedTopicRegex
  if (old !== next && group.regularExpressionSubscribers.get(old) === 1) wanted.delete(old)
  if (next !== '') wanted.add(next)
  const isDue =
    isNew ||
    wanted.size !== group.regularExpressions.size ||
    (resolved?.version ?? 0) < topics.versionOfNewestTopic ||
    nowMs > lastMs + configs.regexRefreshIntervalMs
  return isDue ? wanted : none
}

/** Takes in what was resolved: another set of topics is another group epoch. */
export function putResolved(
  { topics }: ConsumerGroupContext,
  change: ConsumerGroupChange,
  resolved: ReadonlyMap<string, ReadonlySet<string>>,
  as: { readonly version: number; readonly timestampMs: number },
): void {
  const { group } = change
  let hasChanged = false
  for (const [regularExpression, matching] of resolved) {
    if (!group.regularExpressionSubscribers.has(regularExpression)) continue
    const known = group.regularExpressions.get(regularExpression)?.topics ?? new Set()
    if (known.size !== matching.size || [...matching].some((topic) => !known.has(topic))) hasChanged = true
    change.putRegularExpression(regularExpression, { topics: matching, ...as })
  }
  const hash = metadataHash(change.subscribedTopics(), topics)
  if (hasChanged || hash !== group.metadataHash) change.bumpGroupEpoch(hash)
}
