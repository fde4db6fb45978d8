/**
 * Errors at the edge: the only place that decides what a client is told about a failure.
 *
 * A client sees a message, a code and, where it is known, the input field that is wrong. It never sees SQL, a path, a URL or a stack.
 */
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { GraphQLError, Kind, type ASTNode, type GraphQLFormattedError } from 'graphql';
import { OperationExpired } from '../migration/api.ts';
import { CrossfadeError, ERRORS, type ErrorCode } from '../migration/errors.ts';

/** Codes of GraphQL itself: their messages are about the request's own text, and are shown as they are. */
const OF_GRAPHQL: readonly unknown[] = [
  ApolloServerErrorCode.GRAPHQL_PARSE_FAILED,
  ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED,
  ApolloServerErrorCode.PERSISTED_QUERY_NOT_FOUND,
  ApolloServerErrorCode.PERSISTED_QUERY_NOT_SUPPORTED,
  ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE,
  ApolloServerErrorCode.BAD_USER_INPUT,
  ApolloServerErrorCode.BAD_REQUEST,
];

/** What graphql-js says of a coerced variable: `Variable "$input" got invalid value "x" at "input.phone"; …`. */
const VARIABLE = /^Variable "\$([^"]+)"(?:[^;]* at "([^"]+)")?/;
/** … and of an argument that got null through a variable: `Argument "phone" of non-null type …`. */
const ARGUMENT = /^Argument "([^"]+)" /;

/** What a client is shown; for `formatError` of Apollo Server, which passes the error as it was thrown beside its own rendering. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const place = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  };
  const own = ownError(error);
  if (own) {
    const { message, extensions } = shown(own, formatted, error);
    return { message, ...place, ...(extensions && { extensions }) };
  }
  const code = formatted.extensions?.['code'];
  if (code === ApolloServerErrorCode.GRAPHQL_PARSE_FAILED && !formatted.message.startsWith('Syntax Error')) {
    // The parser itself gave up, on its stack.
    return { message: 'The document is nested too deeply to be read.', ...place, extensions: { code } };
  }
  if (OF_GRAPHQL.includes(code)) {
    const field = code === ApolloServerErrorCode.BAD_USER_INPUT && fieldOf(error);
    return { message: formatted.message, ...place, extensions: { code, ...field } };
  }
  if (error instanceof GraphQLError && ARGUMENT.test(error.message)) {
    return { message: error.message, ...place, extensions: { code: 'BAD_USER_INPUT', ...fieldOf(error) } };
  }
  return { message: ERRORS.INTERNAL.message, ...place, extensions: { code: 'INTERNAL' } };
}

/** The error as a whole response has it, for failures outside of any field. */
export function failure(code: ErrorCode, requestId: string): GraphQLFormattedError {
  return { message: ERRORS[code].message, extensions: { code, requestId } };
}

/** For what never became a GraphQL request, and has no id where it never became a request. */
export function refusal(message: string, requestId?: string): GraphQLFormattedError {
  const code = ApolloServerErrorCode.BAD_REQUEST;
  return { message, extensions: requestId === undefined ? { code } : { code, requestId } };
}

/**
 * The id under which the log speaks of the request, in each error: behind a gateway one answer has the errors of several requests,
 * and no headers.
 */
export function withRequestId(error: GraphQLFormattedError, requestId: string): GraphQLFormattedError {
  return { ...error, extensions: { ...error.extensions, requestId } };
}

/** Logged where it was found out, with the reason. */
const LOGGED_BEFORE: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN'];

/**
 * What the log has to say about an error: nothing about mistakes of the client, a warning about a part that does not answer,
 * an error about everything that nobody foresaw.
 */
export function severity(error: unknown): 'none' | 'warn' | 'error' {
  // The operation begins again; if there is no time left for that, the request says so, once.
  if (chain(error).some((link) => link instanceof OperationExpired)) return 'none';
  const own = ownError(error);
  if (own?.code === 'INTERNAL') return 'error';
  if (own) return ERRORS[own.code].expose || LOGGED_BEFORE.includes(own.code) ? 'none' : 'warn';
  const code = error instanceof GraphQLError ? error.extensions['code'] : undefined;
  return OF_GRAPHQL.includes(code) || (error instanceof GraphQLError && ARGUMENT.test(error.message))
    ? 'none'
    : 'error';
}

/** The error that was thrown, without the wrappers that GraphQL puts around it. */
export function rootCause(error: unknown): unknown {
  return chain(error).at(-1);
}

function shown(own: CrossfadeError, formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const { message, expose } = ERRORS[own.code];
  const text = expose ? own.message : message;
  const field = own.field === undefined ? fieldOf(error) : { field: own.field };
  const extensions = { code: own.code, ...(own.code === 'BAD_USER_INPUT' && field) };
  // A scalar knows what is wrong and GraphQL knows where: its sentence has both.
  return { message: expose && formatted.message.includes(text) ? formatted.message : text, extensions };
}

/** The engine's or a scalar's own error, from under what GraphQL wrapped around it. */
function ownError(error: unknown): CrossfadeError | null {
  for (const link of chain(error)) {
    if (link instanceof CrossfadeError) return link;
    if (link instanceof OperationExpired) return new CrossfadeError('DEADLINE_EXCEEDED', { cause: link });
  }
  return null;
}

function chain(error: unknown): readonly unknown[] {
  const links = [error];
  while (error instanceof GraphQLError && error.originalError && !links.includes(error.originalError)) {
    error = error.originalError;
    links.push(error);
  }
  return links;
}

/** The input field a coercion error is about: from graphql-js's own words for variables, from the document for literals. */
function fieldOf(error: unknown): { readonly field?: string } {
  if (!(error instanceof GraphQLError)) return {};
  const variable = VARIABLE.exec(error.message);
  const name = variable ? (variable[2] ?? variable[1])?.split('.').at(-1) : ARGUMENT.exec(error.message)?.[1];
  if (name !== undefined) return { field: name.replace(/\[\d+\]$/, '') };
  const literal = error.nodes?.[0];
  return literal ? nameBefore(literal) : {};
}

/** `phone` of the value in `phone: "12"`, by the tokens before it: a value does not know its parent. */
function nameBefore(value: ASTNode): { readonly field?: string } {
  if (value.kind !== Kind.STRING && value.kind !== Kind.INT && value.kind !== Kind.FLOAT && value.kind !== Kind.ENUM) {
    return {};
  }
  const colon = value.loc?.startToken.prev;
  return colon?.kind === ':' && colon.prev?.kind === 'Name' ? { field: colon.prev.value } : {};
}
