/** config: broker configs of TLS, SASL, delegation tokens and authorization. */

import { boolean, double, int, javaClass, list, long, password, short, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { anyList, atLeast, between, nonNullString, oneOf, oneOfAnyCase } from '../validators.ts'

export const securityConfigs = {
  'authorizer.class.name': string('', {
    valid: nonNullString,
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The fully qualified name of a class that implements org.apache.kafka.server.authorizer.Authorizer interface, which is used by the broker for authorization.',
  }),
  'connection.failed.authentication.delay.ms': int(100, {
    valid: atLeast(0),
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'Connection close delay on failed authentication: this is the time (in milliseconds) by which connection close will be delayed on authentication failure.',
  }),
  'connections.max.reauth.ms': long(0, {
    effect: obeyed,
    documentation:
      'When explicitly set to a positive number (the default is 0, not a positive number), a session lifetime that will not exceed the configured value will be communicated to v2.2.0 or later clients when they authenticate.',
  }),
  'delegation.token.expiry.check.interval.ms': long(3_600_000, {
    valid: atLeast(1),
    importance: 'LOW',
    effect: obeyed,
    documentation: 'Scan interval to remove expired delegation tokens.',
  }),
  'delegation.token.expiry.time.ms': long(86_400_000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The token validity time in milliseconds before the token needs to be renewed.',
  }),
  'delegation.token.max.lifetime.ms': long(604_800_000, {
    valid: atLeast(1),
    effect: obeyed,
    documentation: 'The token has a maximum lifetime beyond which it cannot be renewed anymore.',
  }),
  'delegation.token.secret.key': password(null, {
    effect: obeyed,
    documentation: 'Secret key to generate and verify delegation tokens.',
  }),
  'principal.builder.class': javaClass('org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder', {
    updateMode: 'per-broker',
    effect: notYet.javaClasses,
    documentation:
      'The fully qualified name of a class that implements the KafkaPrincipalBuilder interface, which is used to build the KafkaPrincipal object used during authorization.',
  }),
  'sasl.client.callback.handler.class': javaClass(null, {
    effect: notYet.outgoing,
    documentation:
      'The fully qualified name of a SASL client callback handler class that implements the AuthenticateCallbackHandler interface.',
  }),
  'sasl.enabled.mechanisms': list(['GSSAPI'], {
    valid: anyList,
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The list of SASL mechanisms enabled in the Kafka server.',
  }),
  'sasl.jaas.config': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'JAAS login context parameters for SASL connections in the format used by JAAS configuration files.',
  }),
  'sasl.kerberos.kinit.cmd': string('/usr/bin/kinit', {
    updateMode: 'per-broker',
    effect: notYet.kerberos,
    documentation: 'Kerberos kinit command path.',
  }),
  'sasl.kerberos.min.time.before.relogin': long(60000, {
    updateMode: 'per-broker',
    effect: notYet.kerberos,
    documentation: 'Login thread sleep time between refresh attempts.',
  }),
  'sasl.kerberos.principal.to.local.rules': list(['DEFAULT'], {
    valid: anyList,
    updateMode: 'per-broker',
    effect: notYet.kerberos,
    documentation:
      'A list of rules for mapping from principal names to short names (typically operating system usernames).',
  }),
  'sasl.kerberos.service.name': string(null, {
    updateMode: 'per-broker',
    effect: notYet.kerberos,
    documentation: 'The Kerberos principal name that Kafka runs as.',
  }),
  'sasl.kerberos.ticket.renew.jitter': double(0.05, {
    updateMode: 'per-broker',
    effect: notYet.kerberos,
    documentation: 'Percentage of random jitter added to the renewal time.',
  }),
  'sasl.kerberos.ticket.renew.window.factor': double(0.8, {
    updateMode: 'per-broker',
    effect: notYet.kerberos,
    documentation:
      "Login thread will sleep until the specified window factor of time from last refresh to ticket's expiry has been reached, at which time it will try to renew the ticket.",
  }),
  'sasl.login.callback.handler.class': javaClass(null, {
    effect: notYet.outgoing,
    documentation:
      'The fully qualified name of a SASL login callback handler class that implements the AuthenticateCallbackHandler interface.',
  }),
  'sasl.login.class': javaClass(null, {
    effect: notYet.outgoing,
    documentation: 'The fully qualified name of a class that implements the Login interface.',
  }),
  'sasl.login.connect.timeout.ms': int(null, {
    importance: 'LOW',
    effect: notYet.outgoing,
    documentation: 'The (optional) value in milliseconds for the external authentication provider connection timeout.',
  }),
  'sasl.login.read.timeout.ms': int(null, {
    importance: 'LOW',
    effect: notYet.outgoing,
    documentation: 'The (optional) value in milliseconds for the external authentication provider read timeout.',
  }),
  'sasl.login.refresh.buffer.seconds': short(300, {
    updateMode: 'per-broker',
    effect: notYet.outgoing,
    documentation:
      'The amount of buffer time before credential expiration to maintain when refreshing a credential, in seconds.',
  }),
  'sasl.login.refresh.min.period.seconds': short(60, {
    updateMode: 'per-broker',
    effect: notYet.outgoing,
    documentation:
      'The desired minimum time for the login refresh thread to wait before refreshing a credential, in seconds.',
  }),
  'sasl.login.refresh.window.factor': double(0.8, {
    updateMode: 'per-broker',
    effect: notYet.outgoing,
    documentation:
      "Login refresh thread will sleep until the specified window factor relative to the credential's lifetime has been reached, at which time it will try to refresh the credential.",
  }),
  'sasl.login.refresh.window.jitter': double(0.05, {
    updateMode: 'per-broker',
    effect: notYet.outgoing,
    documentation:
      "The maximum amount of random jitter relative to the credential's lifetime that is added to the login refresh thread's sleep time.",
  }),
  'sasl.login.retry.backoff.max.ms': long(10000, {
    importance: 'LOW',
    effect: notYet.outgoing,
    documentation:
      'The (optional) value in milliseconds for the maximum wait between login attempts to the external authentication provider.',
  }),
  'sasl.login.retry.backoff.ms': long(100, {
    importance: 'LOW',
    effect: notYet.outgoing,
    documentation:
      'The (optional) value in milliseconds for the initial wait between login attempts to the external authentication provider.',
  }),
  'sasl.mechanism.controller.protocol': string('GSSAPI', {
    importance: 'HIGH',
    effect: notYet.outgoing,
    documentation: 'SASL mechanism used for communication with controllers.',
  }),
  'sasl.mechanism.inter.broker.protocol': string('GSSAPI', {
    updateMode: 'per-broker',
    effect: notYet.outgoing,
    documentation: 'SASL mechanism used for inter-broker communication.',
  }),
  'sasl.oauthbearer.assertion.algorithm': string('RS256', {
    valid: oneOfAnyCase('ES256', 'RS256'),
    effect: notYet.outgoing,
    documentation:
      'The algorithm the Apache Kafka client should use to sign the assertion sent to the identity provider.',
  }),
  'sasl.oauthbearer.assertion.claim.aud': string(null, {
    effect: notYet.outgoing,
    documentation:
      'The JWT aud (Audience) claim which will be included in the client JWT assertion created locally.Note: If a value for sasl.oauthbearer.assertion.file is provided, this configuration will be ignored.',
  }),
  'sasl.oauthbearer.assertion.claim.exp.seconds': int(300, {
    valid: between(0, 86400),
    importance: 'LOW',
    effect: notYet.outgoing,
    documentation: 'The number of seconds in the future for which the JWT is valid.',
  }),
  'sasl.oauthbearer.assertion.claim.iss': string(null, {
    effect: notYet.outgoing,
    documentation:
      'The value to be used as the iss (Issuer) claim which will be included in the client JWT assertion created locally.Note: If a value for sasl.oauthbearer.assertion.file is provided, this configuration will be ignored.',
  }),
  'sasl.oauthbearer.assertion.claim.jti.include': boolean(false, {
    effect: notYet.outgoing,
    documentation:
      'Flag that determines if the JWT assertion should generate a unique ID for the JWT and include it in the jti (JWT ID) claim.Note: If a value for sasl.oauthbearer.assertion.file is provided, this configuration will be ignored.',
  }),
  'sasl.oauthbearer.assertion.claim.nbf.seconds': int(60, {
    valid: between(0, 3600),
    importance: 'LOW',
    effect: notYet.outgoing,
    documentation: 'The number of seconds in the past from which the JWT is valid.',
  }),
  'sasl.oauthbearer.assertion.claim.sub': string(null, {
    effect: notYet.outgoing,
    documentation:
      'The value to be used as the sub (Subject) claim which will be included in the client JWT assertion created locally.Note: If a value for sasl.oauthbearer.assertion.file is provided, this configuration will be ignored.',
  }),
  'sasl.oauthbearer.assertion.file': string(null, {
    effect: notYet.outgoing,
    documentation:
      'File that contains a pre-generated JWT assertion.The underlying implementation caches the file contents to avoid the performance hit of loading the file on each access.',
  }),
  'sasl.oauthbearer.assertion.private.key.file': string(null, {
    effect: notYet.outgoing,
    documentation:
      'File that contains a private key in the standard PEM format which is used to sign the JWT assertion sent to the identity provider.The underlying implementation caches the file contents to avoid the performance hit of loading the file on each access.',
  }),
  'sasl.oauthbearer.assertion.private.key.passphrase': password(null, {
    effect: notYet.outgoing,
    documentation:
      'The optional passphrase to decrypt the private key file specified by sasl.oauthbearer.assertion.private.key.file.Note: If the file referred to by sasl.oauthbearer.assertion.private.key.file is modified on the file system at runtime and it was created with a different passphrase than it was previously, the client will not be able to access the private key file because the passphrase is now out of date.',
  }),
  'sasl.oauthbearer.assertion.template.file': string(null, {
    effect: notYet.outgoing,
    documentation:
      'This optional configuration specifies the file containing the JWT headers and/or payload claims to be used when creating the JWT assertion.Not all identity providers require the same set of claims; some may require a given claim while others may prohibit it.',
  }),
  'sasl.oauthbearer.client.credentials.client.id': string(null, {
    effect: notYet.outgoing,
    documentation:
      'The ID (defined in/by the OAuth identity provider) to identify the client requesting the token.The client ID was previously stored as part of the sasl.jaas.config configuration with the key clientId.',
  }),
  'sasl.oauthbearer.client.credentials.client.secret': password(null, {
    effect: notYet.outgoing,
    documentation:
      'The secret (defined by either the user or preassigned, depending on the identity provider) of the client requesting the token.The client secret was previously stored as part of the sasl.jaas.config configuration with the key clientSecret.',
  }),
  'sasl.oauthbearer.clock.skew.seconds': int(30, {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The (optional) value in seconds to allow for differences between the time of the OAuth/OIDC identity provider and the broker.',
  }),
  'sasl.oauthbearer.expected.audience': list([], {
    valid: anyList,
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The (strongly recommended) comma-delimited setting for the broker to use to verify that the JWT was issued for one of the expected audiences.',
  }),
  'sasl.oauthbearer.expected.issuer': string(null, {
    importance: 'HIGH',
    effect: obeyed,
    documentation:
      'The (strongly recommended) setting for the broker to use to verify that the JWT was created by the expected issuer.',
  }),
  'sasl.oauthbearer.jwks.endpoint.refresh.ms': long(3_600_000, {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The (optional) value in milliseconds for the broker to wait between refreshing its JWKS (JSON Web Key Set) cache that contains the keys to verify the signature of the JWT.',
  }),
  'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms': long(10000, {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The (optional) value in milliseconds for the maximum wait between attempts to retrieve the JWKS (JSON Web Key Set) from the external authentication provider.',
  }),
  'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms': long(100, {
    importance: 'LOW',
    effect: notYet.internals,
    documentation:
      'The (optional) value in milliseconds for the initial wait between JWKS (JSON Web Key Set) retrieval attempts from the external authentication provider.',
  }),
  'sasl.oauthbearer.jwks.endpoint.url': string(null, {
    effect: obeyed,
    documentation: "The OAuth/OIDC provider URL from which the provider's JWKS (JSON Web Key Set) can be retrieved.",
  }),
  'sasl.oauthbearer.jwt.retriever.class': javaClass(
    'org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever',
    {
      effect: notYet.outgoing,
      documentation:
        'The fully-qualified class name of a JwtRetriever implementation used to request tokens from the identity provider.The default configuration value represents a class that maintains backward compatibility with previous versions of Apache Kafka.',
    },
  ),
  'sasl.oauthbearer.jwt.validator.class': javaClass(
    'org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator',
    {
      effect: notYet.javaClasses,
      documentation:
        'The fully-qualified class name of a JwtValidator implementation used to validate the JWT from the identity provider.The default validator (org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator) maintains backward compatibility with previous versions of Apache Kafka.',
    },
  ),
  'sasl.oauthbearer.scope': string(null, {
    effect: notYet.outgoing,
    documentation:
      'This is the level of access a client application is granted to a resource or API which is included in the token request.',
  }),
  'sasl.oauthbearer.scope.claim.name': string('scope', {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The OAuth claim for the scope is often named "scope", but this (optional) setting can provide a different name to use for the scope included in the JWT payload\'s claims if the OAuth/OIDC provider uses a different name for that claim.',
  }),
  'sasl.oauthbearer.sub.claim.name': string('sub', {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'The OAuth claim for the subject is often named "sub", but this (optional) setting can provide a different name to use for the subject included in the JWT payload\'s claims if the OAuth/OIDC provider uses a different name for that claim.',
  }),
  'sasl.oauthbearer.token.endpoint.url': string(null, {
    effect: notYet.outgoing,
    documentation: 'The URL for the OAuth/OIDC identity provider.',
  }),
  'sasl.server.callback.handler.class': javaClass(null, {
    effect: obeyed,
    documentation:
      'The fully qualified name of a SASL server callback handler class that implements the AuthenticateCallbackHandler interface.',
  }),
  'sasl.server.max.receive.size': int(524_288, {
    effect: obeyed,
    documentation: 'The maximum receive size allowed before and during initial SASL authentication.',
  }),
  'security.providers': string(null, {
    importance: 'LOW',
    effect: notYet.javaClasses,
    documentation: 'A list of configurable creator classes each returning a provider implementing security algorithms.',
  }),
  'ssl.allow.dn.changes': boolean(false, {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'Indicates whether changes to the certificate distinguished name should be allowed during a dynamic reconfiguration of certificates or not.',
  }),
  'ssl.allow.san.changes': boolean(false, {
    importance: 'LOW',
    effect: obeyed,
    documentation:
      'Indicates whether changes to the certificate subject alternative names should be allowed during a dynamic reconfiguration of certificates or not.',
  }),
  'ssl.cipher.suites': list([], {
    valid: anyList,
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'A list of cipher suites.',
  }),
  'ssl.client.auth': string('none', {
    valid: oneOf('required', 'requested', 'none'),
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'Configures kafka broker to request client authentication.',
  }),
  'ssl.enabled.protocols': list(['TLSv1.2', 'TLSv1.3'], {
    valid: anyList,
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The list of protocols enabled for SSL connections.',
  }),
  'ssl.endpoint.identification.algorithm': string('https', {
    importance: 'LOW',
    updateMode: 'per-broker',
    effect: notYet.outgoing,
    documentation: 'The endpoint identification algorithm to validate server hostname using server certificate.',
  }),
  'ssl.engine.factory.class': javaClass(null, {
    importance: 'LOW',
    updateMode: 'per-broker',
    effect: notYet.javaSecurity,
    documentation:
      'The class of type org.apache.kafka.common.security.auth.SslEngineFactory to provide SSLEngine objects.',
  }),
  'ssl.key.password': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation:
      "The password of the private key in the key store file or the PEM key specified in 'ssl.keystore.key'.",
  }),
  'ssl.keymanager.algorithm': string('SunX509', {
    updateMode: 'per-broker',
    effect: notYet.javaSecurity,
    documentation: 'The algorithm used by key manager factory for SSL connections.',
  }),
  'ssl.keystore.certificate.chain': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: "Certificate chain in the format specified by 'ssl.keystore.type'.",
  }),
  'ssl.keystore.key': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: "Private key in the format specified by 'ssl.keystore.type'.",
  }),
  'ssl.keystore.location': string(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The location of the key store file.',
  }),
  'ssl.keystore.password': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The store password for the key store file.',
  }),
  'ssl.keystore.type': string('JKS', {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The file format of the key store file.',
  }),
  'ssl.principal.mapping.rules': string('DEFAULT', {
    importance: 'LOW',
    effect: obeyed,
    documentation: 'A list of rules for mapping from distinguished name from the client certificate to short name.',
  }),
  'ssl.protocol': string('TLSv1.3', {
    updateMode: 'per-broker',
    effect: notYet.javaSecurity,
    documentation: 'The SSL protocol used to generate the SSLContext.',
  }),
  'ssl.provider': string(null, {
    updateMode: 'per-broker',
    effect: notYet.javaSecurity,
    documentation: 'The name of the security provider used for SSL connections.',
  }),
  'ssl.secure.random.implementation': string(null, {
    importance: 'LOW',
    updateMode: 'per-broker',
    effect: notYet.javaSecurity,
    documentation: 'The SecureRandom PRNG implementation to use for SSL cryptography operations.',
  }),
  'ssl.trustmanager.algorithm': string('PKIX', {
    updateMode: 'per-broker',
    effect: notYet.javaSecurity,
    documentation: 'The algorithm used by trust manager factory for SSL connections.',
  }),
  'ssl.truststore.certificates': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: "Trusted certificates in the format specified by 'ssl.truststore.type'.",
  }),
  'ssl.truststore.location': string(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The location of the trust store file.',
  }),
  'ssl.truststore.password': password(null, {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The password for the trust store file.',
  }),
  'ssl.truststore.type': string('JKS', {
    updateMode: 'per-broker',
    effect: obeyed,
    documentation: 'The file format of the trust store file.',
  }),
} as const
