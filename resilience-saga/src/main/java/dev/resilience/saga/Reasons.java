// SPDX-License-Identifier: Apache-2.0
package dev.resilience.saga;

/** Why a saga turned or was parked: the words in {@link SagaInstance#reason()}. */
final class Reasons {
    /** A participant refused; after the pivot that parks. */
    static final String REJECTED = "REJECTED";
    /** Somebody asked for it. */
    static final String CANCELLED = "CANCELLED";
    /** The saga's deadline passed before its pivot. */
    static final String DEADLINE = "DEADLINE";
    /** The attempts of a step, or its time to be resolved in, are used up; after the pivot that parks. */
    static final String EXHAUSTED = "EXHAUSTED";
    /** A signal did not come in time; after the pivot that parks. */
    static final String TIMED_OUT = "TIMED_OUT";
    /** An operator wanted it undone. */
    static final String OPERATOR = "OPERATOR";
    /** Code of the definition other than a step's threw: a condition, the elements of a for-each step. */
    static final String CODE_FAILED = "CODE_FAILED";
    /** Parked: what became of an action could not be found out. */
    static final String IN_DOUBT = "IN_DOUBT";
    /** Parked: engines died of it. */
    static final String POISON = "POISON";
    /** Parked: its journal is not that of its definition. */
    static final String DEFINITION_MISMATCH = "DEFINITION_MISMATCH";
    /** Parked: a payload of its journal is not of the declared type. */
    static final String UNREADABLE = "UNREADABLE";
    /** A result has no bytes, or too many: the effect is made, the result lost. */
    static final String UNENCODABLE = "UNENCODABLE";
    /** Parked: the database refuses what is to be recorded, for what is in it. */
    static final String UNWRITABLE = "UNWRITABLE";
    /** Parked: a compensation did not succeed in its time. */
    static final String UNDO_FAILED = "UNDO_FAILED";
    /** Parked: a participant refused a compensation. */
    static final String UNDO_REJECTED = "UNDO_REJECTED";
    /** Parked: every step is done, but the output could not be made. */
    static final String RETURNS_FAILED = "RETURNS_FAILED";

    private Reasons() {}
}
