/** test: SCRAM credentials of users: what can be set and deleted, and what is told of them. */
import { alterUserScramCredentials, describeUserScramCredentials } from '../../../protocol/messages/index.ts'
import { type Conversation, scenario } from '../conversation.ts'

const sha256 = 1
const sha512 = 2
const upsertion = {
  name: 'alice',
  mechanism: sha256,
  iterations: 4096,
  salt: Buffer.from('a salt of theirs'),
  saltedPassword: Buffer.alloc(32, 7),
}
const longer = { ...upsertion, mechanism: sha512, iterations: 8192, saltedPassword: Buffer.alloc(64, 7) }

type Upsertion = typeof upsertion
interface Deletion {
  readonly name: string
  readonly mechanism: number
}

function alter(
  broker: Conversation,
  step: string,
  upsertions: readonly Upsertion[],
  deletions: readonly Deletion[] = [],
) {
  return broker.ask(step, alterUserScramCredentials, 0, { upsertions, deletions })
}

/** Until the broker, and not only its controller, knows as many users. */
async function known(broker: Conversation, count: number): Promise<void> {
  await broker.until(describeUserScramCredentials, 0, { users: null }, ({ results }) => results.length === count)
}

export const scramScenarios = [
  scenario('a life of credentials', async (broker) => {
    await broker.every('nobody there', describeUserScramCredentials, { users: null })
    await alter(broker, 'two of a user at once', [upsertion, longer, { ...upsertion, name: 'bob' }])
    await alter(broker, 'set', [upsertion])
    await alter(broker, 'of another mechanism', [longer])
    await known(broker, 2)
    await broker.every('all', describeUserScramCredentials, { users: null })
    await broker.every('none asked for', describeUserScramCredentials, { users: [] })
    await broker.every('some, one missing and one twice', describeUserScramCredentials, {
      users: ['alice', 'nobody', 'bob', 'bob'].map((name) => ({ name })),
    })
    await broker.every('no name', describeUserScramCredentials, { users: [{ name: '' }] })
    await alter(
      broker,
      'deleted',
      [],
      [
        { name: 'alice', mechanism: sha256 },
        { name: 'bob', mechanism: sha256 },
      ],
    )
    await known(broker, 1)
    await broker.every('what is left', describeUserScramCredentials, { users: null })
    await alter(broker, 'deleted again', [], [{ name: 'bob', mechanism: sha256 }])
    await alter(broker, 'the last', [], [{ name: 'alice', mechanism: sha512 }])
    await known(broker, 0)
  }),
  scenario('odd credentials', async (broker) => {
    const fine = { ...upsertion, name: 'fine' }
    await alter(broker, 'nothing', [])
    await alter(broker, 'no name', [{ ...upsertion, name: '' }, fine])
    await alter(broker, 'an unknown mechanism', [{ ...upsertion, mechanism: 7 }])
    await alter(broker, 'no mechanism', [{ ...upsertion, mechanism: 0 }])
    await alter(broker, 'too few iterations', [{ ...upsertion, iterations: 4095 }])
    await alter(broker, 'too many iterations', [{ ...upsertion, iterations: 16_385 }])
    await alter(broker, 'no salt', [{ ...upsertion, salt: Buffer.alloc(0) }])
    await alter(broker, 'no password', [{ ...upsertion, saltedPassword: Buffer.alloc(0) }])
    await alter(broker, 'the same twice', [upsertion, upsertion])
    await alter(broker, 'set and deleted at once', [upsertion], [{ name: 'alice', mechanism: sha256 }])
    await alter(
      broker,
      'deleted twice',
      [],
      [
        { name: 'fine', mechanism: sha256 },
        { name: 'fine', mechanism: sha256 },
      ],
    )
    await alter(broker, 'a missing one deleted', [], [{ name: 'nobody', mechanism: sha256 }])
    await alter(broker, 'an unknown mechanism deleted', [], [{ name: 'fine', mechanism: 7 }])
    await broker.until(describeUserScramCredentials, 0, { users: null }, ({ errorCode }) => errorCode === 0)
  }),
]
