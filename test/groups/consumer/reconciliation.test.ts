import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../protocol/errors.ts'
import { type ConsumerGroupMember, newMember } from '../../../src/groups/consumer/consumer-group-member.ts'
import { type ReconciliationInput, reconcile } from '../../../src/groups/consumer/reconciliation.ts'

const topicId = 'AAAAAAAAAAAAAAAAAAAAAg'

function epochs(...partitions: number[]): Map<string, Map<number, number>> {
  return partitions.length === 0 ? new Map() : new Map([[topicId, new Map(partitions.map((each) => [each, 5]))]])
}

function member(more: Partial<ConsumerGroupMember> = {}): ConsumerGroupMember {
  return { ...newMember('m'), memberEpoch: 5, previousMemberEpoch: 4, assigned: epochs(0, 1, 2), ...more }
}

/** `owned` by the member, `others`: partitions of other members. */
function input(target: number[], more: Partial<ReconciliationInput> & { others?: number[] } = {}): ReconciliationInput {
  const { others = [], ...rest } = more
  return {
    targetEpoch: 6,
    target: new Map([[topicId, new Set(target)]]),
    subscribedTopicIds: new Set([topicId]),
    subscriptionChanged: false,
    owned: null,
    isOwned: (_topicId, partition) => others.includes(partition),
    ...rest,
  }
}

function owning(...partitions: number[]) {
  return [{ topicId, partitions }]
}

function shown({ state, memberEpoch, previousMemberEpoch, assigned, pendingRevocation }: ConsumerGroupMember): string {
  const list = (of: ConsumerGroupMember['assigned']) =>
    Array.from(of.get(topicId) ?? [], ([partition, epoch]) => `${partition}@${epoch}`).join(' ')
  return `${state} ${previousMemberEpoch}→${memberEpoch} [${list(assigned)}] revoking [${list(pendingRevocation)}]`
}

describe('reconciliation of a member with its target', () => {
  it('leaves a stable member alone while the target is the one that it has', () => {
    const stable = member()
    expect(reconcile(stable, input([3], { targetEpoch: 5 }))).toBe(stable)
  })

  it('brings a stable member to the next epoch at once where it loses nothing', () => {
    expect(shown(reconcile(member(), input([0, 1, 2, 3])))).toBe('STABLE 5→6 [0@5 1@5 2@5 3@6] revoking []')
  })

  it('takes partitions away first, in the epoch that the member is in', () => {
    expect(shown(reconcile(member(), input([2, 3])))).toBe('UNREVOKED_PARTITIONS 5→5 [2@5] revoking [0@5 1@5]')
  })

  it('takes partitions away at once that the member says it has no more', () => {
    expect(shown(reconcile(member(), input([2, 3], { owned: owning(2) })))).toBe('STABLE 5→6 [2@5 3@6] revoking []')
  })

  it('waits until the member no longer names what it has to give back', () => {
    const revoking = member({ state: 'UNREVOKED_PARTITIONS', assigned: epochs(2), pendingRevocation: epochs(0, 1) })
    expect(reconcile(revoking, input([2, 3]))).toBe(revoking)
    expect(reconcile(revoking, input([2, 3], { owned: owning(1, 2) }))).toBe(revoking)
    expect(shown(reconcile(revoking, input([2, 3], { owned: owning(2) })))).toBe('STABLE 5→6 [2@5 3@6] revoking []')
  })

  it('goes on to the latest target when everything is given back, which may take more away', () => {
    const revoking = member({ state: 'UNREVOKED_PARTITIONS', assigned: epochs(2), pendingRevocation: epochs(0, 1) })
    const next = reconcile(revoking, input([3], { targetEpoch: 8, owned: owning(2) }))
    expect(shown(next)).toBe('UNREVOKED_PARTITIONS 5→5 [] revoking [2@5]')
  })

  it('gives back what it took if the latest target has it again', () => {
    const revoking = member({ state: 'UNREVOKED_PARTITIONS', assigned: epochs(2), pendingRevocation: epochs(0, 1) })
    // The partitions are the member's own until this step.
    const next = reconcile(revoking, input([0, 1, 2], { targetEpoch: 8, owned: owning(2), others: [0, 1] }))
    expect(shown(next)).toBe('STABLE 5→8 [2@5 0@8 1@8] revoking []')
  })

  it('gives no partition that another member has not given back', () => {
    const waiting = reconcile(member(), input([0, 1, 2, 3, 4], { others: [3] }))
    expect(shown(waiting)).toBe('UNRELEASED_PARTITIONS 5→6 [0@5 1@5 2@5 4@6] revoking []')
    expect(shown(reconcile(waiting, input([0, 1, 2, 3, 4])))).toBe('STABLE 6→6 [0@5 1@5 2@5 4@6 3@6] revoking []')
  })

  it('takes away topics that the member is not subscribed to any more, before there is a new target', () => {
    const changed = { targetEpoch: 5, subscribedTopicIds: new Set<string>(), subscriptionChanged: true }
    const next = reconcile(member(), input([0, 1, 2], changed))
    expect(shown(next)).toBe('UNREVOKED_PARTITIONS 5→5 [] revoking [0@5 1@5 2@5]')
    expect(shown(reconcile(member(), input([0, 1, 2], { ...changed, owned: [] })))).toBe('STABLE 5→5 [] revoking []')
  })

  it('fences a member in a state that a later version has written, unless it owns nothing', () => {
    const unknown = member({ state: 'UNKNOWN' })
    expect(() => reconcile(unknown, input([0], { owned: owning(0) }))).toThrow(KafkaError)
    expect(shown(reconcile(unknown, input([0], { owned: [] })))).toContain('STABLE')
  })
})
