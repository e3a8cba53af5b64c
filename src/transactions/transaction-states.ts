/** transactions: the states of a transactional id, and from which to which it may go. Source: Kafka's TransactionState. */

interface State {
  /** As it stands in records. */
  readonly id: number
  readonly next: readonly TransactionState[]
  /** The transactional id may expire. */
  readonly expires?: true
}

export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'
  | 'Dead'
  | 'PrepareEpochFence'

/** From Empty and Complete* to PrepareAbort: only with transaction version 2, whose producers may not know whether there is something to abort. */
const afterAnEnd = ['Empty', 'Ongoing', 'PrepareAbort', 'Dead'] as const

/**
 * PrepareEpochFence lasts within one command: a fenced transaction is in PrepareAbort when others see it, and in records. Dead is not
 * written either: a tombstone is.
 */
export const transactionStates: Readonly<Record<TransactionState, State>> = {
  Empty: { id: 0, next: afterAnEnd, expires: true },
  Ongoing: { id: 1, next: ['Ongoing', 'PrepareCommit', 'PrepareAbort', 'PrepareEpochFence'] },
  PrepareCommit: { id: 2, next: ['CompleteCommit'] },
  PrepareAbort: { id: 3, next: ['CompleteAbort'] },
  CompleteCommit: { id: 4, next: afterAnEnd, expires: true },
  CompleteAbort: { id: 5, next: afterAnEnd, expires: true },
  Dead: { id: 6, next: [] },
  PrepareEpochFence: { id: 7, next: ['PrepareAbort'] },
}

const states = Object.keys(transactionStates) as TransactionState[]

const neverWritten: readonly TransactionState[] = ['Dead', 'PrepareEpochFence']

/** The state that a record names; undefined where no record may. */
export function storedState(id: number): TransactionState | undefined {
  return states.find((state) => transactionStates[state].id === id && !neverWritten.includes(state))
}

export function isTransactionState(name: string): name is TransactionState {
  return Object.hasOwn(transactionStates, name)
}
