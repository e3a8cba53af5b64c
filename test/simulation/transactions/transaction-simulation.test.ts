/** The transaction simulation finds nothing in the broker as it is, repeats itself, and notices when the broker is broken on purpose. */
import { describe, expect, it } from 'vitest'
import { sabotages } from './sabotages.ts'
import { simulateTransactions } from './transaction-simulation.ts'

/** Some of these go through dozens of seeds. */
const longestMs = 60_000

describe('the transaction simulation', { timeout: longestMs }, () => {
  it.each([0, 1, 2])('finds nothing wrong with the broker, part %i', async (part) => {
    for (let seed = 200_000 + part * 4; seed < 200_004 + part * 4; seed += 1) {
      expect(await simulateTransactions(seed)).toMatchObject({ seed, failure: undefined })
    }
  })

  it('does the same for the same seed, and something else for another', async () => {
    const [first, again, other] = [
      await simulateTransactions(7),
      await simulateTransactions(7),
      await simulateTransactions(8),
    ]
    expect(again.hash).toBe(first.hash)
    expect(other.hash).not.toBe(first.hash)
  })
})

describe('a broker that is broken on purpose', { timeout: longestMs }, () => {
  it.each(Object.entries(sabotages))('is noticed: %s', async (_name, sabotage) => {
    let failure: string | undefined
    for (let seed = 1; seed <= 60 && failure === undefined; seed += 1) {
      failure = (await simulateTransactions(seed, { sabotage })).failure
    }
    expect(failure).toBeDefined()
  })
})
