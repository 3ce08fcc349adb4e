using System.Diagnostics;

namespace Workly.Bridge
{
    /// <summary>Nanoseconds of a clock that only moves forward. As fine as the system's performance counter.</summary>
    public static class MonotonicClock
    {
        private const long NanosecondsPerSecond = 1000000000;

        public static long NowNs { get { return ToNs(Stopwatch.GetTimestamp(), Stopwatch.Frequency); } }

        /// <summary>Ticks as nanoseconds: whole seconds apart, since ticks times a billion overflow after minutes.</summary>
        public static long ToNs(long ticks, long ticksPerSecond)
        {
            return ticks / ticksPerSecond * NanosecondsPerSecond
                + ticks % ticksPerSecond * NanosecondsPerSecond / ticksPerSecond;
        }
    }
}
