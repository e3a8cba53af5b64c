/** What a simulation decides by chance, all of it from one random source. */
import type { Random } from '../../src/runtime/random.ts'

export class Chance {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** At least 0, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random.fraction() * limit)
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  happens(probability: number): boolean {
    return this.random.fraction() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** One of `items`, each as often as its weight says. */
  weighted<T extends { readonly weight: number }>(items: readonly T[]): T {
    let left = this.random.fraction() * items.reduce((sum, { weight }) => sum + weight, 0)
    for (const item of items) {
      left -= item.weight
      if (left < 0) return item
    }
    return items[items.length - 1]!
  }
}
