/**
 * test: what the members of one group were told, and what must never be told: two owners of a partition in one generation, a generation
 * that is over, a commit that is lost or that was refused.
 */
import { expect } from 'vitest'

interface Commit {
  readonly generationId: number
  /** undefined: not answered, or with an error that leaves open whether it counts. */
  readonly outcome: 'taken' | 'refused' | undefined
}

interface Known {
  readonly generation: number
  readonly commit: number
}

export class ChurnLedger {
  readonly #owners = new Map<string, string>()
  /** Every commit has a number of its own as its offset, larger than all before. */
  readonly #commits: Commit[] = []
  #newestGeneration = 0
  #newestTaken = -1

  /** What is known, which nothing that is asked for from now on may contradict. */
  get known(): Known {
    return { generation: this.#newestGeneration, commit: this.#newestTaken }
  }

  /** An answer that says that the generation is the current one; `before`: known when it was asked for. */
  isCurrent(generationId: number, before: Known): void {
    expect(generationId, 'a generation that was over').toBeGreaterThanOrEqual(before.generation)
  }

  /** A member was given its assignment. */
  assigned(generationId: number, partitions: string, owner: string): void {
    for (const partition of partitions) {
      const key = `${generationId}/${partition}`
      expect(this.#owners.get(key) ?? owner, `owner of partition ${partition} in generation ${generationId}`).toBe(
        owner,
      )
      this.#owners.set(key, owner)
    }
    this.#newestGeneration = Math.max(this.#newestGeneration, generationId)
  }

  /** The offset to commit. */
  commits(generationId: number): number {
    return this.#commits.push({ generationId, outcome: undefined }) - 1
  }

  /** Commits are answered in the order in which they were taken: one of a generation that is over is taken no more. */
  committed(offset: number, outcome: 'taken' | 'refused'): void {
    const { generationId } = this.#commits[offset]!
    this.#commits[offset] = { generationId, outcome }
    if (outcome === 'refused') return
    const newest = this.#commits[this.#newestTaken]
    expect(generationId, 'generation of a commit').toBeGreaterThanOrEqual(newest?.generationId ?? 0)
    expect(offset, 'commits in their order').toBeGreaterThan(this.#newestTaken)
    this.#newestTaken = offset
  }

  /** The group's offset was fetched; undefined: there is none. */
  fetched(offset: number | undefined, before: Known): void {
    expect(offset ?? -1, 'a commit was lost').toBeGreaterThanOrEqual(before.commit)
    if (offset !== undefined) expect(this.#commits[offset]?.outcome, 'a commit that was refused').not.toBe('refused')
  }
}
