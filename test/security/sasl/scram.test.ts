import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuthenticationFailure } from '../../../src/security/authentication.ts'
import { userPrincipal } from '../../../src/security/principal.ts'
import { ScramExchange, type ScramLogin, type ScramLogins } from '../../../src/security/sasl/scram.ts'
import { keysOf, saltedPassword } from '../../../src/security/sasl/scram-formulas.ts'

/** The example of RFC 7677, section 3. */
const rfc7677 = {
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

const cost = { salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), iterations: 4096 }
const login: ScramLogin = {
  principal: userPrincipal('user'),
  credential: { ...cost, ...keysOf('SCRAM-SHA-256', await saltedPassword('SCRAM-SHA-256', 'pencil', cost)) },
}
const logins: ScramLogins = {
  user: async (_mechanism, name) => (name === 'user' || name === 'a,b=c' ? login : undefined),
  token: async (_mechanism, tokenId) => (tokenId === 'token' ? { ...login, expiresAtMs: 5 } : undefined),
}

const exchange = () => new ScramExchange('SCRAM-SHA-256', logins, rfc7677.serverNonce)
const step = async (scram: ScramExchange, message: string) => scram.step(Buffer.from(message))

describe('SCRAM', () => {
  it('answers the example of RFC 7677 as it is written there', async () => {
    const scram = exchange()
    expect((await step(scram, rfc7677.clientFirst)).token.toString()).toBe(rfc7677.serverFirst)
    const end = await step(scram, rfc7677.clientFinal)
    expect(end.token.toString()).toBe(rfc7677.serverFinal)
    expect(end.identity).toEqual({ principal: userPrincipal('user') })
  })

  it.each([
    ['another proof', rfc7677.clientFinal.replace('dHzb', 'dHzc'), 'the password is another one'],
    ['a short proof', rfc7677.clientFinal.replace(/p=.*/, 'p=dHzb'), 'the password is another one'],
    ['another nonce', rfc7677.clientFinal.replace('r=rO', 'r=rP'), 'another nonce'],
    ['another header', rfc7677.clientFinal.replace('c=biws', 'c=eSws'), 'another header than the first'],
    ['no proof', 'c=biws,r=x', 'not of its form'],
  ])('refuses %s', async (_what, clientFinal, problem) => {
    const scram = exchange()
    await step(scram, rfc7677.clientFirst)
    await expect(step(scram, clientFinal)).rejects.toThrow(problem)
  })

  it('reads commas and equal signs in names, and refuses other authorization ids', async () => {
    expect((await step(exchange(), 'n,,n=a=2Cb=3Dc,r=x')).token.toString()).toContain('r=x')
    expect((await step(exchange(), 'n,a=user,n=user,r=x')).token.toString()).toContain('r=x')
    await expect(step(exchange(), 'n,a=other,n=user,r=x')).rejects.toThrow('different from username')
    await expect(step(exchange(), 'n,,n=nobody,r=x')).rejects.toThrow('there is no such user')
  })

  it('looks for a delegation token only where the client says that it has one', async () => {
    expect((await step(exchange(), 'n,,n=token,r=x,tokenauth=true')).token.toString()).toContain('r=x')
    await expect(step(exchange(), 'n,,n=token,r=x')).rejects.toThrow('there is no such user')
    await expect(step(exchange(), 'n,,n=user,r=x,tokenauth=true')).rejects.toThrow('there is no such user')
  })

  it('takes no channel binding, and nothing of another form', async () => {
    for (const message of ['y,,n=user,r=x', 'p=tls-unique,,n=user,r=x', 'n,,n=us=er,r=x', 'n,,r=x', ''])
      await expect(step(exchange(), message)).rejects.toThrow('not of its form')
  })

  it('refuses credentials with too few iterations', async () => {
    const few = { ...login, credential: { ...login.credential, iterations: 4095 } }
    const weak = { ...logins, user: async () => few }
    await expect(step(new ScramExchange('SCRAM-SHA-256', weak, 'n'), 'n,,n=user,r=x')).rejects.toThrow(
      '4095 iterations',
    )
  })

  it('may be sent any bytes at all: it fails, and quickly', async () => {
    const any = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: fc.constantFrom(...'n,a=r2CDp') }))
    await fc.assert(
      fc.asyncProperty(any, fc.boolean(), async (message, isSecond) => {
        const scram = exchange()
        if (isSecond) await step(scram, rfc7677.clientFirst)
        const failure = await Promise.resolve()
          .then(() => scram.step(Buffer.from(message as string)))
          .catch((error: unknown) => error)
        if (failure instanceof Error) expect(failure).toBeInstanceOf(AuthenticationFailure)
      }),
    )
    for (const long of ['n,,n=', 'n,a=', 'n,,n=user,r=x'])
      await expect(step(exchange(), `${long}${',a=b'.repeat(120_000)}\0`)).rejects.toThrow(AuthenticationFailure)
    await expect(step(exchange(), `n,,n=${'=2C'.repeat(150_000)}\0`)).rejects.toThrow(AuthenticationFailure)
  })
})
