/**
 * runtime: what comes and goes all the time, such as connections. A Set whose table is full of removed entries makes another table, and the old one
 * points to it and to all that was in it then: once such a table is in the old generation, what left long ago survives each collection of the young one.
 */

/** Of one `Members` at a time. */
export interface Member {
  /** Its place in the list; belongs to the list. -1: in none. */
  place: number
}

/** In no order. */
export class Members<M extends Member> {
  readonly #members: M[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: M): void {
    member.place = this.#members.length
    this.#members.push(member)
  }

  /** Does nothing for one that is not there. */
  delete(member: M): void {
    if (this.#members[member.place] !== member) return
    const last = this.#members.pop()!
    if (last !== member) {
      this.#members[member.place] = last
      last.place = member.place
    }
    member.place = -1
  }

  /** All that are there now: they may come and go meanwhile. */
  [Symbol.iterator](): Iterator<M> {
    return [...this.#members].values()
  }
}
