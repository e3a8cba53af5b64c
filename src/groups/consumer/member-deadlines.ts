/**
 * groups/consumer: until when each member of one group has to do what, on the monotonic clock. It is not in the log: a group that is
 * loaded gives its members all the time again.
 */

/**
 * session: the next heartbeat. rebalance: giving back what was taken from it. join, sync: the next JoinGroup and SyncGroup of a member
 * that uses the classic protocol.
 */
export type DeadlineKind = 'session' | 'rebalance' | 'join' | 'sync'

const never = Number.POSITIVE_INFINITY

export class MemberDeadlines {
  readonly #byMember = new Map<string, Map<DeadlineKind, number>>()
  #wakeAtMs = never

  /** Not after the first of the deadlines; perhaps before. */
  get wakeAtMs(): number {
    return this.#wakeAtMs
  }

  set(memberId: string, kind: DeadlineKind, atMs: number): void {
    const deadlines = this.#byMember.get(memberId)
    if (deadlines === undefined) this.#byMember.set(memberId, new Map([[kind, atMs]]))
    else deadlines.set(kind, atMs)
    this.#wakeAtMs = Math.min(this.#wakeAtMs, atMs)
  }

  setIfAbsent(memberId: string, kind: DeadlineKind, atMs: number): void {
    if (!this.#byMember.get(memberId)?.has(kind)) this.set(memberId, kind, atMs)
  }

  cancel(memberId: string, kind: DeadlineKind): void {
    this.#byMember.get(memberId)?.delete(kind)
  }

  forget(memberId: string): void {
    this.#byMember.delete(memberId)
  }

  /** Members that had to do something by now; their deadlines are over. */
  takeDue(nowMs: number): { memberId: string; kind: DeadlineKind }[] {
    const due: { memberId: string; kind: DeadlineKind }[] = []
    this.#wakeAtMs = never
    for (const [memberId, deadlines] of this.#byMember) {
      for (const [kind, atMs] of deadlines) {
        if (atMs <= nowMs) {
          due.push({ memberId, kind })
          deadlines.delete(kind)
        } else this.#wakeAtMs = Math.min(this.#wakeAtMs, atMs)
      }
      if (deadlines.size === 0) this.#byMember.delete(memberId)
    }
    return due
  }
}
