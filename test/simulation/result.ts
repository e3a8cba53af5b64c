/** What comes of one run of a simulation, of storage or of transactions. */

/** What the simulation itself has found wrong. */
export class SimulationFailure extends Error {}

export interface SimulationResult {
  readonly seed: number
  /** What went wrong; undefined when nothing did. */
  readonly failure: string | undefined
  /** Of all that happened. */
  readonly hash: string
  readonly lines: readonly string[]
}

interface Run {
  readonly hash: string
  readonly lines: readonly string[]
  run(): Promise<void>
  note(what: string): void
  end(): void
}

/** Runs the simulation of `seed` to its end or its first failure. */
export async function resultOf(seed: number, simulation: Run): Promise<SimulationResult> {
  let failure: string | undefined
  try {
    await simulation.run()
  } catch (error) {
    failure = error instanceof SimulationFailure ? error.message : String((error as Error)?.stack ?? error)
    simulation.note(`FAILED: ${failure}`)
  }
  simulation.end()
  return { seed, failure, hash: simulation.hash, lines: simulation.lines }
}
