/** groups/assignors: members ordered by how many partitions they have, then by member id, for the general sticky algorithm. */

/** Members are named by their rank in the order of member ids. */
export class MembersByLoad {
  /** By load: ranks in ascending order. */
  readonly #ranks: number[][] = []

  add(rank: number, load: number): void {
    while (this.#ranks.length <= load) this.#ranks.push([])
    const ranks = this.#ranks[load]!
    ranks.splice(placeIn(ranks, rank), 0, rank)
  }

  delete(rank: number, load: number): void {
    const ranks = this.#ranks[load]!
    ranks.splice(placeIn(ranks, rank), 1)
  }

  /** The least loaded member that `accept` takes. */
  findFirst(accept: (rank: number) => boolean): number | undefined {
    for (const ranks of this.#ranks) for (const rank of ranks) if (accept(rank)) return rank
    return undefined
  }
}

/** Where `rank` is, or belongs. */
function placeIn(ranks: readonly number[], rank: number): number {
  let [low, high] = [0, ranks.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranks[middle]! < rank) low = middle + 1
    else high = middle
  }
  return low
}
