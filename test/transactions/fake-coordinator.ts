/** test: a transaction coordinator that says yes, unless it was told what to say. */
import { type ErrorName, KafkaError } from '../../protocol/errors.ts'
import type { AskedTransaction, VerifiesPartitions } from '../../src/transactions/verification.ts'

export class FakeCoordinator implements VerifiesPartitions {
  readonly verified: AskedTransaction[] = []
  readonly added: (AskedTransaction & { readonly clientVersion: number })[] = []
  /** Of the next calls. */
  answers: ErrorName[] = []
  #held: (() => void)[] | undefined

  /** Nothing is answered until `release`. */
  hold(): void {
    this.#held = []
  }

  /** Answers one call after the other, also those that come while it does. */
  async release(): Promise<void> {
    const held = this.#held ?? []
    this.#held = undefined
    for (const answer of held) answer()
    await Promise.resolve()
  }

  async verifyPartitions(transaction: AskedTransaction): Promise<ErrorName[]> {
    this.verified.push(transaction)
    return await this.#answer(transaction)
  }

  async addPartitions(transaction: AskedTransaction & { readonly clientVersion: number }): Promise<void> {
    this.added.push(transaction)
    const [answer] = await this.#answer(transaction)
    if (answer !== undefined && answer !== 'NONE') throw new KafkaError(answer)
  }

  async #answer({ partitions }: AskedTransaction): Promise<ErrorName[]> {
    const answer = this.answers.shift() ?? 'NONE'
    const held = this.#held
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve))
    return partitions.map(() => answer)
  }
}
